package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
)

type explainCmd struct {
	dataFlag
	siteFlag
	Format string `help:"text or JSON" enum:"text,JSON" default:"text" placeholder:"FORMAT"`
	File   string `arg:"" help:"a raw HTTP request, as a server would read it; - reads standard input" type:"path"`
}

const maxRequest = 4 << 20

// Run explains the decision about a raw HTTP request.
func (f *explainCmd) Run(ctx context.Context, s streams) error {
	raw, err := f.read(s.in)
	if err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	c, err := f.connect()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	resp, err := c.do(ctx, http.MethodPost, "/sites/"+url.PathEscape(f.Site)+":explain", "message/http", raw)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end below
	trace, err := readAtMost(resp.Body, maxAnswer)
	if err != nil {
		return fmt.Errorf("read the console's answer: %w", err)
	}
	if f.Format == "JSON" {
		return printJSON(s.out, trace)
	}
	return printTrace(s.out, trace)
}

func (f *explainCmd) read(in io.Reader) ([]byte, error) {
	if f.File == "-" {
		return readAtMost(in, maxRequest)
	}
	file, err := os.Open(f.File)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // opened for reading
	return readAtMost(file, maxRequest)
}

func printJSON(out io.Writer, raw []byte) error {
	var indented bytes.Buffer
	if err := json.Indent(&indented, raw, "", "  "); err != nil {
		return errUnread
	}
	indented.WriteByte('\n')
	_, err := out.Write(indented.Bytes())
	return err
}
