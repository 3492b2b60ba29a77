package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"
)

type agreementCmd struct {
	Add     agreementAddCmd     `cmd:"" help:"Keep an agreement, sealed, with a contact."`
	List    agreementListCmd    `cmd:"" help:"List agreements."`
	Missing agreementMissingCmd `cmd:"" help:"List contacts on record that have no agreement in force."`
}

type agreementAddCmd struct {
	personFlags
	reasonFlag
	File   string `arg:"" help:"the document; - reads standard input"`
	Kind   string `help:"what sort of agreement, 1 to 64 of a-z, 0-9, _ and -" required:"" placeholder:"K"`
	Signed string `help:"when it was signed, YYYY-MM-DD or RFC 3339" required:"" placeholder:"DATE"`
	Until  string `help:"the first moment that it is not in force any more" placeholder:"DATE"`
	Name   string `help:"its name, default the file's" placeholder:"N"`
	Type   string `help:"its media type, default by the name's ending" placeholder:"T"`
	Source string `help:"where it is from, default agreement" placeholder:"S"`
}

// Run sends an agreement as it is read.
func (f *agreementAddCmd) Run(ctx context.Context, s streams) error {
	about, err := f.about(s)
	if err != nil {
		return err
	}
	c, err := f.connect()
	if err != nil {
		return err
	}
	file := s.in
	if f.File != "-" {
		opened, err := os.Open(f.File)
		if err != nil {
			return fmt.Errorf("read the agreement: %w", err)
		}
		defer opened.Close() //nolint:errcheck // only read
		file = opened
	}
	resp, err := c.sendParts(ctx, "/sites/"+url.PathEscape(f.Site)+"/agreements", about, file)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end below
	var out struct{ Contact, Document string }
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&out); err != nil {
		return errUnread
	}
	_, err = fmt.Fprintf(s.out, "%s: agreement %s kept, document %s\n", out.Contact, f.Kind, out.Document)
	return err
}

func (f *agreementAddCmd) about(s streams) (map[string]any, error) {
	about, err := f.who(s)
	if err != nil {
		return nil, err
	}
	about["kind"], about["name"], about["type"] = f.Kind, f.Name, f.Type
	if f.Name == "" {
		if f.File == "-" {
			return nil, usageError{"--name is needed for standard input"}
		}
		about["name"] = filepath.Base(f.File)
	}
	if f.Type == "" {
		about["type"] = mime.TypeByExtension(filepath.Ext(about["name"].(string)))
		if about["type"] == "" {
			about["type"] = "application/octet-stream"
		}
	}
	if about["signed"], err = signedAt(f.Signed); err != nil {
		return nil, err
	}
	if f.Until != "" {
		if about["until"], err = signedAt(f.Until); err != nil {
			return nil, err
		}
	}
	for name, value := range map[string]string{"source": f.Source, "reason": f.Reason} {
		if value != "" {
			about[name] = value
		}
	}
	return about, nil
}

// signedAt reads a day or a time.
func signedAt(text string) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usageError{"a time is YYYY-MM-DD or RFC 3339"}
}

// sendParts sends an object and a document, as contacts:attach takes them.
func (c *client) sendParts(ctx context.Context, path string, about map[string]any, document io.Reader) (*http.Response, error) {
	from, to := io.Pipe()
	parts := multipart.NewWriter(to)
	written := make(chan error, 1)
	go func() {
		err := writeParts(parts, about, document)
		_ = to.CloseWithError(err) // nil: the end
		written <- err
	}()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.access.URL+"/api/v1"+path, from)
	if err != nil {
		return nil, fmt.Errorf("make the request to the console: %w", err)
	}
	resp, err := c.send(req, parts.FormDataContentType())
	_ = from.CloseWithError(io.ErrClosedPipe)
	if failed := <-written; err != nil && failed != nil && !errors.Is(failed, io.ErrClosedPipe) {
		return nil, failed
	}
	return resp, err
}

type agreementListCmd struct {
	dataFlag
	siteFlag
	Kind    string `help:"of this kind alone" placeholder:"K"`
	Contact string `help:"of this contact alone, c_ and 26 letters" placeholder:"C"`
	InForce bool   `help:"only those that are in force now"`
}

// Run lists agreements page by page.
func (f *agreementListCmd) Run(ctx context.Context, s streams) error {
	c, err := f.connect()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "contact\tkind\tsigned\tuntil\tdocument") // Flush returns the error
	q := url.Values{"limit": {"1000"}}
	if f.InForce {
		q.Set("in_force", "true")
	}
	for name, value := range map[string]string{"kind": f.Kind, "contact": f.Contact} {
		if value != "" {
			q.Set(name, value)
		}
	}
	for {
		var page struct {
			Agreements []struct {
				Contact, Document, Kind string
				Signed                  time.Time
				Until                   *time.Time
			}
			Next string
		}
		if err := c.call(ctx, http.MethodGet, "/sites/"+url.PathEscape(f.Site)+"/agreements?"+q.Encode(), nil, &page); err != nil {
			return err
		}
		for _, a := range page.Agreements {
			until := "-"
			if a.Until != nil {
				until = a.Until.Format(time.RFC3339)
			}
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", a.Contact, a.Kind, a.Signed.Format(time.RFC3339), until, a.Document)
		}
		if page.Next == "" {
			return w.Flush()
		}
		q.Set("after", page.Next)
	}
}

type agreementMissingCmd struct {
	dataFlag
	siteFlag
	Kind string `help:"of this kind; left out: of any" placeholder:"K"`
}

// Run lists contacts without an agreement, one a line.
func (f *agreementMissingCmd) Run(ctx context.Context, s streams) error {
	c, err := f.connect()
	if err != nil {
		return err
	}
	q := url.Values{"without": {"agreement"}, "limit": {"1000"}}
	if f.Kind != "" {
		q.Set("kind", f.Kind)
	}
	for {
		var page struct {
			Contacts []string
			Next     string
		}
		if err := c.call(ctx, http.MethodGet, "/sites/"+url.PathEscape(f.Site)+"/contacts?"+q.Encode(), nil, &page); err != nil {
			return err
		}
		for _, contact := range page.Contacts {
			if _, err := fmt.Fprintln(s.out, contact); err != nil {
				return err
			}
		}
		if page.Next == "" {
			return nil
		}
		q.Set("after", page.Next)
	}
}
