package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
)

type sqlCmd struct {
	dataFlag
	SQL    string `arg:"" name:"sql" help:"one statement, in the database zgoda; - reads it from standard input"`
	As     string `help:"whose rights: administrator or analyst, who sees aggregates only" enum:",administrator,analyst" default:"" placeholder:"ROLE"`
	Format string `help:"TSV, JSON, CSV or Pretty; left out: Pretty on a terminal, TSV elsewhere" enum:",TSV,JSON,CSV,Pretty" default:"" placeholder:"FORMAT"`
}

const maxSQL = 1 << 20

// Run streams the answer of a query to standard output.
func (f *sqlCmd) Run(ctx context.Context, s streams) error {
	text := f.SQL
	if text == "-" {
		raw, err := readAtMost(s.in, maxSQL)
		if err != nil {
			return fmt.Errorf("read the statement from standard input: %w", err)
		}
		text = strings.TrimSpace(string(raw))
	}
	format := f.Format
	if format == "" {
		format = "TSV"
		if terminal(s.out) {
			format = "Pretty"
		}
	}
	c, err := f.connect()
	if err != nil {
		return err
	}
	in := map[string]string{"sql": text, "format": format}
	if f.As != "" {
		in["as"] = f.As
	}
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("write the request to the console: %w", err)
	}
	resp, err := c.do(ctx, http.MethodPost, "/sql", "application/json", body)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end below
	if _, err := io.Copy(s.out, resp.Body); err != nil {
		return fmt.Errorf("the answer was cut off: %w", err)
	}
	return outcome(resp.Trailer)
}

// outcome reads the trailers: an answer without "done" is not whole.
func outcome(trailer http.Header) error {
	if trailer.Get("Zgoda-Outcome") == "done" {
		return nil
	}
	text, err := strconv.Unquote(trailer.Get("Zgoda-Error"))
	if err != nil || text == "" {
		return errors.New("the answer was cut off")
	}
	return errors.New(text)
}

// readAtMost reads all, and refuses more than most bytes.
func readAtMost(r io.Reader, most int64) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(raw)) > most {
		err = fmt.Errorf("more than %d bytes", most)
	}
	return raw, err
}

// terminal says whether w shows to a person. The null device is a character
// device too.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err == nil && !os.SameFile(info, null)
}
