package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"golang.org/x/mod/sumdb/note"

	"zgoda/certificate"
	"zgoda/control"
)

type certificateCmd struct {
	Get    certificateGetCmd    `cmd:"" help:"Write the certificate of an erasure to standard output."`
	Verify certificateVerifyCmd `cmd:"" help:"Check a certificate without the system; exit code 1 if it was altered."`
}

type certificateGetCmd struct {
	dataFlag
	Request string `arg:"" help:"the request's id, r_ and 26 letters"`
}

// maxCertificate bounds a file.
const maxCertificate = 4 << 20

// Run writes the file as it was signed.
func (f *certificateGetCmd) Run(ctx context.Context, s streams) error {
	id, err := control.ParseRequestID(f.Request)
	if err != nil {
		return usageError{err.Error()}
	}
	c, err := f.connect()
	if err != nil {
		return err
	}
	answer, err := c.do(ctx, http.MethodGet, "/requests/"+id.String()+"/certificate", "", nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close() //nolint:errcheck // read to its end below
	if _, err := io.Copy(s.out, answer.Body); err != nil {
		return fmt.Errorf("the certificate was cut off: %w", err)
	}
	return nil
}

type certificateVerifyCmd struct {
	File string   `arg:"" help:"the certificate, or - for standard input"`
	Key  []string `help:"a public key that it may be signed with, as zgoda ledger key shows it; may be repeated" sep:"none" placeholder:"KEY"`
}

// Run checks a file. It calls nothing and needs no running system.
func (f *certificateVerifyCmd) Run(s streams) error {
	for _, key := range f.Key {
		if _, err := note.NewVerifier(key); err != nil {
			return usageError{"--key is not a key as zgoda ledger key shows it"}
		}
	}
	in := s.in
	if f.File != "-" {
		file, err := os.Open(f.File)
		if err != nil {
			return fmt.Errorf("open the certificate: %w", err)
		}
		defer file.Close() //nolint:errcheck // it was only read
		in = file
	}
	raw, err := io.ReadAll(io.LimitReader(in, maxCertificate+1))
	if err != nil {
		return fmt.Errorf("read the certificate: %w", err)
	}
	if len(raw) > maxCertificate {
		return certificate.ErrMalformed
	}
	body, err := certificate.Verify(raw, f.Key...)
	if err != nil {
		return err
	}
	key, err := certificate.KeyOf(raw)
	if err != nil {
		return err
	}
	return printCertificate(s.out, &body, key, len(f.Key) > 0)
}

func printCertificate(out io.Writer, b *certificate.Body, key string, known bool) error {
	w := bufio.NewWriter(out)
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) } // Flush returns the error
	at := func(t time.Time) string {
		if t.IsZero() {
			return "never"
		}
		return t.UTC().Format(time.RFC3339)
	}
	p("the certificate verifies: nothing in it was altered")
	if known {
		p("signed by a key that was given: %s", key)
	} else {
		p("signed by %s; whose key that is you have to know (give --key)", key)
	}
	p("request %s: %s (%s) at site %q, received %s, done %s", b.Request, b.Right, b.Mode, b.Site, at(b.Received), at(b.Done))
	p("searched for %d pseudonyms; %d events that waited were dropped; %d nodes", b.Pseudonyms, b.Waiting, b.Nodes)
	for _, t := range b.Tables {
		p("table %s: %d rows before, %d after, %d kept without a person; proven %s", t.Name, t.Before, t.After, t.Kept, at(t.Verified))
		for _, c := range t.Copies {
			p("  on %s: %d after; counted %s", c.Server, c.After, at(c.Verified))
		}
	}
	p("salt destroyed: %t; data key destroyed: %t; copies unreadable from %s", b.Keys.Salt, b.Keys.DataKey, at(b.Keys.Unreadable))
	for _, r := range b.Recipients {
		p("recipient %s: %s %s", r.Name, r.State, at(r.At))
	}
	for _, m := range b.Manual {
		p("by hand, %s: %s, %s", m.System, m.Actor, at(m.At))
	}
	p("the last copy anywhere is gone at %s", at(b.Horizon.Until))
	for _, s := range b.Horizon.Stores {
		p("  %s: %s, until %s", s.Name, s.How, at(s.Until))
	}
	for _, n := range b.Notes {
		p("note: %s", n)
	}
	return w.Flush()
}
