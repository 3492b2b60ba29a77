package backup

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
)

// Whatever is in the file, reading ends with a line or with ErrDamaged, whose
// words hold nothing of it.
func FuzzLines(f *testing.F) {
	f.Add([]byte(`{"head":{"format":"zgoda-keybackup 1","at":"2026-11-22T00:00:00Z"}}` + "\n" + `{"row":{"contact":{"id":1,"salt":"AAAA"}}}`))
	f.Add([]byte(`{"end":{"contacts":1,"rows":-1}}`))
	f.Add([]byte(`{"row":{"chunk":{"n":4294967296}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r := &reader{in: json.NewDecoder(bytes.NewReader(text))}
		for {
			l, err := r.next()
			if err != nil {
				if !errors.Is(err, ErrDamaged) || err.Error() != ErrDamaged.Error() {
					t.Fatalf("%v", err)
				}
				return
			}
			if l.End != nil && r.end(*l.End, Told{}) == nil && *l.End != (Told{At: l.End.At}) {
				t.Fatal("counts that differ were taken")
			}
		}
	})
}
