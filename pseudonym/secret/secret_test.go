package secret

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestNothingShowsTheBytes(t *testing.T) {
	canary := "canary-of-thirty-two-bytes-12345"
	s := New([]byte(canary))
	type holder struct{ hidden Bytes }
	for _, value := range []any{s, &s, []Bytes{s}, holder{s}, &holder{s}, map[string]Bytes{"k": s}, map[string]holder{"k": {s}}} {
		var out bytes.Buffer
		for verb := range strings.SplitSeq("v +v #v s q x X d b o U c t e g T p", " ") {
			fmt.Fprintf(&out, "%"+verb+"\n", value)
		}
		encoded, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(encoded)
		_ = gob.NewEncoder(&out).Encode(value) // refuses what has no exported field
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "value", value)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "value", value)
		for _, form := range []string{canary[:8], fmt.Sprintf("%x", canary[:8]), fmt.Sprintf("%X", canary[:8]), "99 97 110", "99,97,110", "Y2FuYX"} {
			if strings.Contains(out.String(), form) {
				t.Errorf("%T shows the bytes: %s", value, out.String())
			}
		}
	}
}

func TestReveal(t *testing.T) {
	if got := string(New([]byte("key")).Reveal()); got != "key" {
		t.Errorf("Reveal gave %q", got)
	}
	if !(Bytes{}).IsZero() || (Bytes{}).Reveal() != nil || !New(nil).IsZero() || New([]byte{0}).IsZero() {
		t.Error("IsZero is wrong")
	}
}
