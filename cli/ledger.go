package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"golang.org/x/mod/sumdb/note"

	"zgoda/control/export"
)

type ledgerCmd struct {
	Export ledgerExportCmd `cmd:"" help:"Write the whole consent ledger of the running system to standard output."`
	Verify ledgerVerifyCmd `cmd:"" help:"Check an export without the system; exit code 1 and the first bad entry if it was altered."`
	Texts  ledgerTextsCmd  `cmd:"" help:"Show the words that people agreed to or refused, of every version that was ever shown."`
	Key    ledgerKeyCmd    `cmd:"" help:"Show the public key that the checkpoints of the ledger are signed with."`
}

type ledgerExportCmd struct{ dataFlag }

// Run streams the ledger.
func (f *ledgerExportCmd) Run(ctx context.Context, s streams) error {
	c, err := f.connect()
	if err != nil {
		return err
	}
	resp, err := c.do(ctx, http.MethodGet, "/ledger/export", "", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end below
	if _, err := io.Copy(s.out, resp.Body); err != nil {
		return fmt.Errorf("the export was cut off: %w", err)
	}
	return outcome(resp.Trailer)
}

type ledgerKeyCmd struct{ dataFlag }

// Run shows the key.
func (f *ledgerKeyCmd) Run(ctx context.Context, s streams) error {
	c, err := f.connect()
	if err != nil {
		return err
	}
	var out struct{ Key string }
	if err := c.call(ctx, http.MethodGet, "/ledger/key", nil, &out); err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.out, out.Key)
	return err
}

type ledgerVerifyCmd struct {
	File   string   `arg:"" help:"the export, or - for standard input"`
	Key    []string `help:"a public key that checkpoints are signed with, as zgoda ledger key shows it; may be repeated" sep:"none" placeholder:"KEY"`
	Anchor []string `help:"a file with checkpoints that were kept elsewhere: the file they were appended to, or a mail, saved whole or its text; may be repeated" sep:"none" placeholder:"FILE"`
}

// Run checks an export. It calls nothing and needs no running system.
func (f *ledgerVerifyCmd) Run(s streams) error {
	options, err := f.options()
	if err != nil {
		return err
	}
	in := s.in
	if f.File != "-" {
		file, err := os.Open(f.File)
		if err != nil {
			return fmt.Errorf("open the export: %w", err)
		}
		defer file.Close() //nolint:errcheck // it was only read
		in = file
	}
	r, err := export.Verify(in, options)
	if err != nil {
		return err
	}
	return printReport(s.out, r, len(options.Keys) > 0)
}

func (f *ledgerVerifyCmd) options() (o export.Options, err error) {
	for _, text := range f.Key {
		key, err := note.NewVerifier(text)
		if err != nil {
			return o, usageError{"--key is not a key as zgoda ledger key shows it"}
		}
		o.Keys = append(o.Keys, key)
	}
	for _, path := range f.Anchor {
		found := len(o.Anchors)
		if o.Anchors, err = readAnchors(path, o.Anchors, o.Keys); err != nil {
			return o, err
		}
		if len(o.Anchors) == found {
			return o, errors.New("a file given by --anchor holds no checkpoint of a ledger")
		}
	}
	return o, nil
}

func printReport(out io.Writer, r export.Report, signed bool) error {
	w := bufio.NewWriter(out)
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) } // Flush returns the error
	p("the ledger verifies: %d entries, the last with sequence %d", r.Entries, r.Through)
	for _, h := range r.Heads {
		p("writer %s: number %d, sequence %d, hash %x", h.Writer, h.Number, h.Sequence, h.Hash)
	}
	p("personal parts that were erased: %d", r.Erased)
	if signed {
		p("checkpoints in the export: %d, all signed by a key that was given", r.Checkpoints)
	} else {
		p("checkpoints in the export: %d, whose signatures nobody looked at (give --key)", r.Checkpoints)
	}
	if r.Anchors > 0 {
		p("checkpoints kept elsewhere: %d, all on the chain", r.Anchors)
	} else {
		p("checkpoints kept elsewhere: none given (--anchor); whoever can write to the store could have cut off the end")
	}
	return w.Flush()
}
