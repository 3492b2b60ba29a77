package telemetry

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"unicode"
)

const (
	redacted    = "[redacted]"
	maxLogValue = 1024
)

// NewLogger returns a structured logger (logfmt-like text) that redacts: values
// under keys that name personal data or secrets, values of types that are not
// plain, and anything shaped like a mail address inside a text.
func NewLogger(w io.Writer, level slog.Leveler) *slog.Logger {
	return slog.New(&redactor{next: slog.NewTextHandler(w, &slog.HandlerOptions{Level: level})})
}

// secretKeys are the attribute keys whose values are never written.
var secretKeys = map[string]bool{
	"address": true, "anonymous_id": true, "anonymousid": true, "authorization": true,
	"body": true, "cookie": true, "email": true, "identifier": true, "ip": true,
	"mail": true, "message_id": true, "messageid": true, "name": true, "origin": true,
	"password": true, "phone": true, "query": true, "referrer": true, "remote": true,
	"secret": true, "subject": true, "token": true, "traits": true, "url": true,
	"user_agent": true, "useragent": true, "user_id": true, "userid": true,
	"visitor": true, "write_key": true, "writekey": true,
}

type redactor struct{ next slog.Handler }

func (r *redactor) Enabled(ctx context.Context, l slog.Level) bool { return r.next.Enabled(ctx, l) }

func (r *redactor) Handle(ctx context.Context, rec slog.Record) error {
	clean := slog.NewRecord(rec.Time, rec.Level, Redact(rec.Message), rec.PC)
	rec.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(redactAttr(a))
		return true
	})
	return r.next.Handle(ctx, clean)
}

func (r *redactor) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = redactAttr(a)
	}
	return &redactor{next: r.next.WithAttrs(clean)}
}

func (r *redactor) WithGroup(name string) slog.Handler {
	return &redactor{next: r.next.WithGroup(name)}
}

func redactAttr(a slog.Attr) slog.Attr {
	if secretKeys[strings.ToLower(a.Key)] {
		return slog.String(a.Key, redacted)
	}
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindBool, slog.KindDuration, slog.KindFloat64, slog.KindInt64, slog.KindTime, slog.KindUint64:
		return slog.Attr{Key: a.Key, Value: v}
	case slog.KindString:
		return slog.String(a.Key, Redact(v.String()))
	case slog.KindGroup:
		group := v.Group()
		clean := make([]slog.Attr, len(group))
		for i, g := range group {
			clean[i] = redactAttr(g)
		}
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(clean...)}
	case slog.KindAny, slog.KindLogValuer:
		if err, ok := v.Any().(error); ok {
			return slog.String(a.Key, Redact(err.Error()))
		}
	}
	return slog.String(a.Key, redacted)
}

// Redact cuts a text to 1,024 bytes and replaces every word of it that is
// shaped like a mail address.
func Redact(text string) string {
	if len(text) > maxLogValue {
		text = strings.ToValidUTF8(text[:maxLogValue], "") + "..."
	}
	if !strings.Contains(text, "@") && !strings.Contains(text, "%40") {
		return text
	}
	words := strings.FieldsFunc(text, unicode.IsSpace)
	for i, word := range words {
		if looksLikeMail(word) {
			words[i] = redacted
		}
	}
	return strings.Join(words, " ")
}

// looksLikeMail says whether a word has a mail address's sign with something on
// either side of it. It errs on the side of redacting.
func looksLikeMail(word string) bool {
	for _, sign := range []string{"@", "%40"} {
		if i := strings.Index(word, sign); i > 0 && i+len(sign) < len(word) {
			return true
		}
	}
	return false
}
