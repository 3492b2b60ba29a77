package export

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"time"
)

// jsonWriter writes one object with a member for each section, an item a line. Its
// last line is the member end, with the SHA-256 of all lines before it.
type jsonWriter struct {
	out  *bufio.Writer
	sum  hash.Hash
	line bytes.Buffer
	place

	open bool // the section at has begun
}

// NewJSON makes a writer of JSON.
func NewJSON(w io.Writer) Writer {
	sum := sha256.New()
	return &jsonWriter{out: bufio.NewWriterSize(io.MultiWriter(w, sum), 32<<10), sum: sum}
}

func (w *jsonWriter) Begin(h Head) error {
	h.Made = h.Made.UTC()
	raw, err := compact(h)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w.out, "{\"zgoda_export\":1,%s,\n", raw[1:len(raw)-1])
	return wrote(err)
}

func (w *jsonWriter) Item(ctx context.Context, i Item) error {
	to, err := w.enter(&i)
	if err != nil {
		return err
	}
	if err := w.reach(to); err != nil {
		return err
	}
	w.line.Reset()
	if w.counts[w.at] > 0 {
		w.line.WriteByte(',')
	}
	w.line.WriteString("\n{")
	if err := w.members(&i); err != nil {
		return err
	}
	w.counts[w.at]++
	if _, err := w.out.Write(w.line.Bytes()); err != nil {
		return wrote(err)
	}
	if i.File != nil {
		if err := w.content(ctx, &i); err != nil {
			return err
		}
	}
	return wrote(w.out.WriteByte('}'))
}

func (w *jsonWriter) members(i *Item) error {
	first := true
	for n, name := range i.Section.Columns() {
		v := i.Values[n]
		if t, ok := v.(time.Time); v == nil || ok && t.IsZero() {
			continue
		}
		if !first {
			w.line.WriteByte(',')
		}
		first = false
		fmt.Fprintf(&w.line, "%q:", name)
		if err := w.value(v); err != nil {
			return fmt.Errorf("section %q: %w", i.Section, err)
		}
	}
	return nil
}

func (w *jsonWriter) value(v any) error {
	switch v := v.(type) {
	case json.RawMessage:
		if json.Valid(v) {
			return json.Compact(&w.line, v)
		}
		return w.value(string(v))
	case time.Time:
		return w.value(v.UTC().Format(time.RFC3339Nano))
	case string, int64, bool:
		raw, err := compact(v)
		w.line.Write(raw)
		return err
	}
	return ErrItem
}

// content writes a document's bytes as they come.
func (w *jsonWriter) content(ctx context.Context, i *Item) error {
	if _, err := w.out.WriteString(`,"content":"`); err != nil {
		return wrote(err)
	}
	to := base64.NewEncoder(base64.StdEncoding, w.out)
	if err := i.File(ctx, to); err != nil {
		return err
	}
	if err := to.Close(); err != nil {
		return wrote(err)
	}
	return wrote(w.out.WriteByte('"'))
}

// reach ends the section that is open and begins all up to one; those between are
// empty.
func (w *jsonWriter) reach(to int) error {
	for {
		if w.open && w.at == to {
			return nil
		}
		if w.open {
			end := "],\n"
			if w.counts[w.at] > 0 {
				end = "\n],\n"
			}
			if _, err := w.out.WriteString(end); err != nil {
				return wrote(err)
			}
			w.at, w.open = w.at+1, false
			if w.at == len(Sections) {
				return nil
			}
		}
		w.open = true
		if _, err := fmt.Fprintf(w.out, "%q:[", Sections[w.at]); err != nil {
			return wrote(err)
		}
	}
}

func (w *jsonWriter) End(context.Context) error {
	if err := w.reach(len(Sections)); err != nil {
		return err
	}
	if err := w.out.Flush(); err != nil {
		return wrote(err)
	}
	counts := map[Section]int64{}
	for n, s := range Sections {
		counts[s] = w.counts[n]
	}
	raw, err := compact(map[string]any{"counts": counts, "sha256": hex.EncodeToString(w.sum.Sum(nil))})
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w.out, "\"end\":%s}\n", raw); err != nil {
		return wrote(err)
	}
	return wrote(w.out.Flush())
}

// compact writes JSON without escaping what HTML would need.
func compact(v any) ([]byte, error) {
	var b bytes.Buffer
	to := json.NewEncoder(&b)
	to.SetEscapeHTML(false)
	if err := to.Encode(v); err != nil {
		return nil, fmt.Errorf("write a value: %w", err)
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

func wrote(err error) error {
	if err != nil {
		return fmt.Errorf("write the export: %w", err)
	}
	return nil
}
