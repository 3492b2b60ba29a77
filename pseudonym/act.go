package pseudonym

import (
	"context"
	"crypto/rand"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"zgoda/pseudonym/keyholderpb"
)

// Act says who acts and what for. The keyholder records it with every request of
// a person: at most 64 and 200 bytes, nothing personal in the reason.
type Act struct {
	Actor  string
	Reason string
}

type actKey struct{}

// WithAct names who acts in the calls under a context.
func WithAct(ctx context.Context, a Act) context.Context { return context.WithValue(ctx, actKey{}, a) }

// maxActor is what the keyholder takes of a name, in bytes.
const maxActor = 64

// plainName cuts a name to what the keyholder takes.
func plainName(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, name)
	for len(name) > maxActor {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	return strings.TrimSpace(name)
}

// ActOf returns who acts in the calls under a context; zero: nobody is named.
func ActOf(ctx context.Context) Act {
	a, _ := ctx.Value(actKey{}).(Act)
	return a
}

// callOf makes what goes with one request.
func (l *link) callOf(ctx context.Context) *keyholderpb.Call {
	a := ActOf(ctx)
	if a.Actor == "" && l.cfg.ActorOf != nil {
		a.Actor = l.cfg.ActorOf(ctx)
	}
	if a.Actor = plainName(a.Actor); a.Actor == "" {
		a.Actor = l.cfg.Actor
	}
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails
	return &keyholderpb.Call{Id: id, At: time.Now().UnixMilli(), Actor: a.Actor, Reason: a.Reason}
}
