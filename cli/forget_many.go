package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// forgotLine is the console's answer to one line.
type forgotLine struct {
	Line           int
	Request, State string
	Error          string
}

// many has everybody in a file forgotten.
func (f *forgetCmd) many(ctx context.Context, s streams, c *client) (err error) {
	began := time.Now()
	file := s.in
	if f.File != "-" {
		opened, err := os.Open(f.File)
		if err != nil {
			return fmt.Errorf("read whom to forget: %w", err)
		}
		defer opened.Close() //nolint:errcheck // opened for reading
		file = opened
	}
	bad := &badRows{path: f.Bad}
	if bad.path == "" {
		bad.path = "forget.bad.csv"
		if f.File != "-" {
			bad.path = filepath.Clean(f.File) + ".bad.csv"
		}
	}
	defer func() { err = errors.Join(err, bad.close()) }()
	ids, lines, left, err := f.send(ctx, s, c, file, bad)
	if err != nil {
		return err
	}
	took := time.Since(began)
	if _, err := fmt.Fprintf(s.out, "accepted %d of %d in %s, %d left out\n", len(ids), lines, took.Round(100*time.Millisecond), left); err != nil {
		return err
	}
	if f.Wait && len(ids) > 0 {
		w := &waitFor{client: c, streams: s, ids: ids, began: began}
		if err := w.run(ctx); err != nil {
			return err
		}
	}
	if left > 0 {
		return fmt.Errorf("%d lines were left out: %s says why", left, bad.path)
	}
	return nil
}

// send sends the lines while it reads the answers. Who is being forgotten already is
// waited for with the others.
func (f *forgetCmd) send(ctx context.Context, s streams, c *client, file io.Reader, bad *badRows) (ids []string, lines, left int, err error) {
	from, to := io.Pipe()
	go func() { _ = to.CloseWithError(writeForget(to, file)) }()
	defer from.Close() //nolint:errcheck // it ends the other side
	query := url.Values{"reason": {f.Reason}, "mode": {f.Mode}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.access.URL+"/api/v1/sites/"+url.PathEscape(f.Site)+"/contacts:forget-many?"+query.Encode(), from)
	if err != nil {
		return nil, 0, 0, fmt.Errorf("make the request to the console: %w", err)
	}
	resp, err := c.send(req, "application/x-ndjson")
	if err != nil {
		return nil, 0, 0, err
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end below
	answers := json.NewDecoder(resp.Body)
	show := terminal(s.errw)
	for {
		var l forgotLine
		err := answers.Decode(&l)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return ids, lines, left, fmt.Errorf("the answer was cut off after %d lines; those that were answered are being forgotten", lines)
		}
		lines++
		switch l.Error {
		case "":
			ids = append(ids, l.Request)
		default:
			left++
			if err := bad.add(importLine{Line: l.Line, Field: "identifier", Reason: l.Error}); err != nil {
				return ids, lines, left, err
			}
		}
		if show && lines%512 == 0 {
			_, _ = fmt.Fprintf(s.errw, "\r%d lines, %d accepted, %d left out", lines, len(ids), left)
		}
	}
	if show && lines >= 512 {
		_, _ = fmt.Fprintln(s.errw)
	}
	return ids, lines, left, outcome(resp.Trailer)
}

// writeForget writes the lines of a file as the console reads them. Line numbers are
// the file's.
func writeForget(w io.Writer, file io.Reader) error {
	in := bufio.NewScanner(file)
	in.Buffer(make([]byte, maxLine), 64*maxLine)
	out := json.NewEncoder(w)
	for number := 1; in.Scan(); number++ {
		text := strings.TrimSpace(in.Text())
		if text == "" {
			continue
		}
		if len(text) > maxLine/2 {
			text = "" // nobody has such an identifier; it is answered as malformed
		}
		if err := out.Encode(struct {
			Line       int    `json:"line"`
			Identifier string `json:"identifier"`
		}{number, text}); err != nil {
			return err
		}
	}
	if err := in.Err(); err != nil {
		return errors.New("a line of the file is far too long")
	}
	return nil
}
