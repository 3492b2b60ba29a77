package cli

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
)

type contactImportCmd struct {
	dataFlag
	siteFlag
	File string `arg:"" help:"CSV with the columns kind, identifier, purpose, version, text_hash, state, time, channel, proof, until, locale, guardian, born, country; - reads standard input"`
	Bad  string `help:"where rows that are left out are noted, with line, field and reason; default FILE.bad.csv" placeholder:"FILE"`
}

// importLine is one line of the console's answer.
type importLine struct {
	Line          int
	Field, Reason string
	Rows          int
	Accepted, Bad int
}

// Run sends the file and tells how far it is.
func (f *contactImportCmd) Run(ctx context.Context, s streams) error {
	c, err := f.connect()
	if err != nil {
		return err
	}
	return sendRows(ctx, s, c, rows{
		path: "/sites/" + url.PathEscape(f.Site) + "/contacts:import", file: f.File, bad: f.Bad, what: "consents", kept: "in the ledger",
	})
}

// rows are a file that the console reads row by row, answering beside it.
type rows struct {
	path, file, bad string
	what, kept      string // in words: what they are, and what became of those that are good
}

// sendRows sends a file and tells how far it is.
func sendRows(ctx context.Context, s streams, c *client, r rows) (err error) {
	file := s.in
	if r.file != "-" {
		opened, err := os.Open(r.file)
		if err != nil {
			return fmt.Errorf("read the %s: %w", r.what, err)
		}
		defer opened.Close() //nolint:errcheck // opened for reading
		file = opened
	}
	if r.bad == "" {
		r.bad = "import.bad.csv"
		if r.file != "-" {
			r.bad = filepath.Clean(r.file) + ".bad.csv"
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.access.URL+"/api/v1"+r.path, io.NopCloser(file))
	if err != nil {
		return fmt.Errorf("make the request to the console: %w", err)
	}
	resp, err := c.send(req, "text/csv")
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end below
	bad := &badRows{path: r.bad}
	defer func() { err = errors.Join(err, bad.close()) }()
	last, err := r.follow(resp.Body, bad, s)
	if err != nil {
		return err
	}
	if err := outcome(resp.Trailer); err != nil {
		return fmt.Errorf("after %d rows: %w", last.Rows, err)
	}
	_, err = fmt.Fprintf(s.out, "%d rows read, %d %s, %d left out\n", last.Rows, last.Accepted, r.kept, last.Bad)
	if last.Bad > 0 {
		err = errors.Join(err, fmt.Errorf("%d rows were left out: %s says why", last.Bad, r.bad))
	}
	return err
}

// follow reads the answer line by line.
func (r *rows) follow(body io.Reader, bad *badRows, s streams) (last importLine, err error) {
	show := terminal(s.errw)
	lines := json.NewDecoder(body)
	for {
		var l importLine
		err := lines.Decode(&l)
		if errors.Is(err, io.EOF) {
			if show && last.Rows > 0 {
				_, _ = fmt.Fprintln(s.errw)
			}
			return last, nil
		}
		if err != nil {
			return last, fmt.Errorf("the answer was cut off after %d rows", last.Rows)
		}
		if l.Line > 0 {
			if err := bad.add(l); err != nil {
				return last, err
			}
			continue
		}
		if l == last { // the last group's line, and then the whole file's
			continue
		}
		last = l
		if show {
			_, _ = fmt.Fprintf(s.errw, "\r%d rows read, %d %s, %d left out", l.Rows, l.Accepted, r.kept, l.Bad)
		} else {
			_, _ = fmt.Fprintf(s.errw, "rows=%d accepted=%d bad=%d\n", l.Rows, l.Accepted, l.Bad)
		}
	}
}

// badRows is the file of rows that were left out, made with the first of them.
type badRows struct {
	path string
	file *os.File
	csv  *csv.Writer
}

func (b *badRows) add(l importLine) error {
	if b.file == nil {
		f, err := os.OpenFile(b.path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
		if err != nil {
			return fmt.Errorf("note the rows that are left out: %w", err)
		}
		b.file, b.csv = f, csv.NewWriter(f)
		_ = b.csv.Write([]string{"line", "field", "reason"}) // Flush says what failed
	}
	return b.csv.Write([]string{strconv.Itoa(l.Line), l.Field, l.Reason})
}

func (b *badRows) close() error {
	if b.file == nil {
		return nil
	}
	b.csv.Flush()
	if err := errors.Join(b.csv.Error(), b.file.Close()); err != nil {
		return fmt.Errorf("note the rows that are left out: %w", err)
	}
	return nil
}
