package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"zgoda/event"
)

type forgetCmd struct {
	dataFlag
	siteFlag
	Identifier string `help:"whom: KIND:VALUE, or - to read it from standard input; kinds: user_id, email, phone, customer_id, visitor" xor:"whom" required:"" placeholder:"KIND:VALUE"`
	Contact    string `help:"instead: a pseudonym of the contact, c_ and 26 letters" xor:"whom" required:"" placeholder:"C"`
	File       string `help:"instead: many, one KIND:VALUE a line; - reads standard input" xor:"whom" required:"" placeholder:"FILE"`
	Bad        string `help:"where lines that are left out are noted, with line and reason, never with what they hold; default FILE.bad.csv" placeholder:"FILE"`
	Mode       string `help:"erase; or anonymise, which keeps what is left of rows without a person where enough others did the same" enum:"erase,anonymise" default:"erase" placeholder:"MODE"`
	Reason     string `help:"why, and where the papers are; nothing personal" required:"" placeholder:"R"`
	Wait       bool   `help:"wait until they are complete, and tell how far they are"`
}

// Run has people forgotten.
func (f *forgetCmd) Run(ctx context.Context, s streams) error {
	if f.File != "" {
		c, err := f.connect()
		if err != nil {
			return err
		}
		return f.many(ctx, s, c)
	}
	body := map[string]string{"mode": f.Mode, "reason": f.Reason}
	if f.Contact != "" {
		body["contact"] = f.Contact
	} else {
		identifier, err := given(s, f.Identifier, "identifier")
		if err != nil {
			return err
		}
		if _, _, err := event.ParseIdentifier(identifier); err != nil {
			return usageError{err.Error()}
		}
		body["identifier"] = identifier
	}
	c, err := f.connect()
	if err != nil {
		return err
	}
	return f.one(ctx, s, c, body)
}

func (f *forgetCmd) one(ctx context.Context, s streams, c *client, body map[string]string) error {
	began := time.Now()
	var r shownRequest
	if err := c.call(ctx, http.MethodPost, "/sites/"+url.PathEscape(f.Site)+"/contacts:forget", body, &r); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(s.out, "%s (accepted after %s)\n", r.line(), time.Since(began).Round(time.Millisecond)); err != nil {
		return err
	}
	if !f.Wait {
		return nil
	}
	id := r.Request
	if r.DuplicateOf != "" {
		id = r.DuplicateOf
	}
	w := &waitFor{client: c, streams: s, ids: []string{id}, began: began}
	return w.run(ctx)
}

// waitFor waits for erasures and tells how far they are.
type waitFor struct {
	client  *client
	streams streams
	ids     []string
	began   time.Time
	last    string
}

// waitEvery is how often is asked how far erasures are.
const waitEvery = 500 * time.Millisecond

// statesAtOnce is of how many requests the state is asked at once.
const statesAtOnce = 1024

// steps are those of an erasure, in order, with what is told of them.
var steps = []struct{ name, told string }{
	{"fenced", "fenced"},
	{"deleted", "deleted"},
	{"proven", "proven"},
	{"destroyed", "destroyed"},
	{"certified", "certified"},
}

// order is how far each step is.
var order = map[string]int{
	"accepted": 0, "fenced": 1, "drained": 1, "deleted": 2, "settled": 2, "proven": 3, "told": 3, "destroyed": 4, "certified": 5,
}

var errWaiting = errors.New("an erasure waits for somebody: zgoda requests show says for what")

// run waits until all are complete, or one needs somebody.
func (w *waitFor) run(ctx context.Context) error {
	tick := time.NewTicker(waitEvery)
	defer tick.Stop()
	for {
		done, err := w.look(ctx)
		if err != nil || done {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// look asks once, and tells when something has moved.
func (w *waitFor) look(ctx context.Context) (done bool, err error) {
	reached := make([]int, len(steps)+1)
	failed, over, word := 0, 0, ""
	for first := 0; first < len(w.ids); first += statesAtOnce {
		var out struct{ Requests []shownRequest }
		if err := w.client.call(ctx, http.MethodPost, "/requests:states", map[string]any{"requests": w.ids[first:min(len(w.ids), first+statesAtOnce)]}, &out); err != nil {
			return false, err
		}
		for i := range out.Requests {
			r := &out.Requests[i]
			for step := 1; step <= order[r.Step]; step++ {
				reached[step]++
			}
			switch r.State {
			case "complete":
				over++
			case "failed", "denied", "cancelled":
				failed++
				word = r.Request + " " + r.State + ": " + r.Error
			default:
				if r.Error != "" {
					word = r.Error
				}
			}
		}
	}
	w.tell(reached, word)
	switch {
	case failed > 0:
		return false, fmt.Errorf("%w (%d of %d; %s)", errWaiting, failed, len(w.ids), word)
	case over < len(w.ids):
		return false, nil
	}
	_, err = fmt.Fprintf(w.streams.out, "certified %d in %s\n", over, time.Since(w.began).Round(100*time.Millisecond))
	if len(w.ids) == 1 {
		_, err = fmt.Fprintf(w.streams.out, "zgoda certificate get %s writes the certificate\n", w.ids[0])
	}
	return true, err
}

// tell writes how far they are when that has changed.
func (w *waitFor) tell(reached []int, word string) {
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, "of %d:", len(w.ids))
	for i := range steps {
		_, _ = fmt.Fprintf(&b, " %s %d", steps[i].told, reached[i+1])
	}
	if word != "" {
		b.WriteString("; " + word)
	}
	if text := b.String(); text != w.last {
		w.last = text
		_, _ = fmt.Fprintln(w.streams.errw, text)
	}
}
