package telemetry

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"zgoda/event"
)

func TestLoggerRedacts(t *testing.T) {
	type secret struct{ Mail string }
	canaries := []string{"jana.kral@example.org", "jana%40example.org", "198.51.100.7", "Mozilla"}
	var out bytes.Buffer
	log := NewLogger(&out, slog.LevelDebug).With("email", canaries[0]).WithGroup("g")
	//nolint:sloglint // the point is a message that was put together carelessly
	log.Info("from "+canaries[0]+" to us",
		"url", "https://shop.example/?m="+canaries[1],
		"ip", canaries[2],
		"user_agent", canaries[3],
		"err", errors.New("read "+canaries[0]+": closed"),
		"any", secret{canaries[0]},
		"bytes", []byte(canaries[0]),
		"handle", event.Handle{1, 2, 3},
		"blinded", event.Blinded{1, 2, 3},
		slog.Group("inner", "token", "t0ken", "note", "see "+canaries[1]))
	for _, c := range append(canaries, "t0ken") {
		if strings.Contains(out.String(), c) {
			t.Errorf("the log holds %q: %s", c, out.String())
		}
	}
	if !strings.Contains(out.String(), "from [redacted] to us") {
		t.Errorf("the plain words are gone: %s", out.String())
	}
}

func TestLoggerKeepsPlainValues(t *testing.T) {
	var out bytes.Buffer
	NewLogger(&out, slog.LevelInfo).Info("segment closed", "segment", 7, "took", time.Second, "ok", true, "why", "full")
	for _, want := range []string{"segment=7", "took=1s", "ok=true", "why=full"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in %s", want, out.String())
		}
	}
}

func TestRedactCutsLongTexts(t *testing.T) {
	if got := Redact(strings.Repeat("é", 5000)); len(got) > maxLogValue+3 {
		t.Fatalf("%d bytes", len(got))
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("a@b c d%40e")
	f.Fuzz(func(t *testing.T, text string) {
		for word := range strings.FieldsSeq(Redact(text)) {
			if word != redacted && looksLikeMail(word) {
				t.Fatalf("left %q", word)
			}
		}
	})
}
