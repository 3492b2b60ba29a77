package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
)

// headerRequest names the request that an export answers.
const headerRequest = "Zgoda-Request"

type exportCmd struct {
	dataFlag
	Site       string `help:"the site's id; needed unless --request, and with --to" env:"ZGODA_SITE" placeholder:"S" usage:""`
	Identifier string `help:"KIND:VALUE, or - to read it from standard input; kinds: user_id, email, phone, customer_id, visitor" placeholder:"KIND:VALUE" xor:"who" required:""`
	Contact    string `help:"instead: a pseudonym of the contact, c_ and 26 letters" placeholder:"C" xor:"who" required:""`
	Request    string `help:"instead: a request of access or portability that is in progress" placeholder:"R" xor:"who" required:""`
	Format     string `help:"json, csv (a zip) or xlsx; default ${default}" enum:"json,csv,xlsx" default:"json" placeholder:"FORMAT"`
	Out        string `help:"file that is written, of mode 0600; - writes to standard output" placeholder:"FILE" xor:"where" required:""`
	To         string `help:"instead: where another controller takes it by PUT, a host of rights.hosts" placeholder:"URL" xor:"where" required:""`
	Reason     string `help:"why, and where the papers are; nothing personal; needed unless --request" placeholder:"R" usage:""`
	Approval   string `help:"of an answer that asked for a second person, once they have approved" placeholder:"ID"`
}

// Run hands out what is held of a person, or sends it.
func (f *exportCmd) Run(ctx context.Context, s streams) error {
	body, err := f.body(s)
	if err != nil {
		return err
	}
	c, err := f.connect()
	if err != nil {
		return err
	}
	if f.To != "" {
		return f.transfer(ctx, s, c, body)
	}
	resp, err := f.ask(ctx, c, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end below
	if resp.StatusCode == http.StatusAccepted {
		return waits(resp.Body)
	}
	return f.keep(s, resp)
}

func (f *exportCmd) body(s streams) (map[string]any, error) {
	if f.Request == "" && (f.Site == "" || f.Reason == "") {
		return nil, usageError{"--site and --reason are needed, unless --request is given"}
	}
	if f.Request != "" && f.To != "" && f.Site == "" {
		return nil, usageError{"--to needs --site"}
	}
	body := map[string]any{"format": f.Format, "reason": f.Reason}
	if f.Reason == "" {
		body["reason"] = "request " + f.Request
	}
	if f.Approval != "" {
		body["approval"] = f.Approval
	}
	switch {
	case f.Request != "":
		body["request"] = f.Request
	case f.Contact != "":
		body["contact"] = f.Contact
	default:
		identifier, err := given(s, f.Identifier, "identifier")
		if err != nil {
			return nil, err
		}
		body["identifier"] = identifier
	}
	return body, nil
}

// ask calls the route for whom was named.
func (f *exportCmd) ask(ctx context.Context, c *client, body map[string]any) (*http.Response, error) {
	if f.Request != "" {
		path := "/requests/" + url.PathEscape(f.Request) + "/export?format=" + f.Format
		if f.Approval != "" {
			path += "&approval=" + url.QueryEscape(f.Approval)
		}
		return c.do(ctx, http.MethodGet, path, "", nil)
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("write the request to the console: %w", err)
	}
	return c.do(ctx, http.MethodPost, siteFlag{f.Site}.path("export"), "application/json", raw)
}

// waits says what an export waits for.
func waits(from io.Reader) error {
	var w struct{ Request, State, Approval string }
	if err := json.NewDecoder(io.LimitReader(from, maxAnswer)).Decode(&w); err != nil {
		return errUnread
	}
	if w.Approval != "" {
		return fmt.Errorf("above the limit of reveals: another person must approve it within a quarter of an hour (zgoda keys approve %s), then call again with --approval %s", w.Approval, w.Approval)
	}
	return fmt.Errorf("the request %s is %s: nothing is handed out before it is in progress (zgoda requests show %s)", w.Request, w.State, w.Request)
}

var errCutOff = errors.New("the export was cut off; call again")

// keep writes an export into a file of mode 0600, whole or not at all.
func (f *exportCmd) keep(s streams, resp *http.Response) error {
	if f.Out == "-" {
		_, err := wholeExport(s.out, resp)
		return err
	}
	file, err := os.OpenFile(f.Out, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write the export: %w", err)
	}
	n, err := wholeExport(file, resp)
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Out))
	}
	_, err = fmt.Fprintf(s.out, "%s: %d bytes written, request %s\n", f.Out, n, resp.Header.Get(headerRequest))
	return err
}

func wholeExport(to io.Writer, resp *http.Response) (int64, error) {
	n, err := io.Copy(to, resp.Body)
	if err == nil && outcome(resp.Trailer) != nil {
		err = errCutOff
	}
	return n, err
}

func (f *exportCmd) transfer(ctx context.Context, s streams, c *client, body map[string]any) error {
	body["url"] = f.To
	raw, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("write the request to the console: %w", err)
	}
	resp, err := c.do(ctx, http.MethodPost, siteFlag{f.Site}.path("transfer"), "application/json", raw)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end below
	if resp.StatusCode == http.StatusAccepted {
		return waits(resp.Body)
	}
	var out struct{ Request, State string }
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&out); err != nil {
		return errUnread
	}
	_, err = fmt.Fprintf(s.out, "sent; request %s is %s\n", out.Request, out.State)
	return err
}

type contactCorrectCmd struct {
	personFlags
	whyFlag
	Datum    []string `arg:"" optional:"" help:"KIND:VALUE of an identifier or NAME=VALUE of a trait; - reads them from standard input, one a line"`
	Source   string   `help:"where it is from, for example the letter" placeholder:"S"`
	Basis    string   `help:"what it is kept for" placeholder:"B"`
	ID       int64    `name:"id" help:"number of the datum that is corrected" placeholder:"N"`
	Remove   []int64  `help:"number of a datum that is wrong altogether" placeholder:"N"`
	Revision uint64   `help:"of what was shown: refused if it has changed since" placeholder:"N"`
	Request  string   `help:"a request of rectification about the contact that is in progress; left out: one is opened" placeholder:"R"`
}

// Run corrects what is kept of a contact, under a request.
func (f *contactCorrectCmd) Run(ctx context.Context, s streams) error {
	put := dataPutCmd{personFlags: f.personFlags, Datum: f.Datum, Source: f.Source, Basis: f.Basis, ID: f.ID}
	body, err := f.who(s)
	if err != nil {
		return err
	}
	texts, err := put.texts(s)
	if err != nil {
		return err
	}
	switch {
	case len(texts)+len(f.Remove) == 0:
		return usageError{"a datum, or --remove, is needed"}
	case f.ID != 0 && len(texts) != 1:
		return usageError{"--id is for one datum"}
	case len(texts) > 0 && f.Source == "":
		return usageError{"--source is needed"}
	}
	data := make([]map[string]any, len(texts))
	for i, text := range texts {
		if data[i], err = put.datum(text); err != nil {
			return err
		}
	}
	body["data"], body["remove"], body["reason"] = data, f.Remove, f.Reason
	if len(f.Remove) == 0 {
		delete(body, "remove")
	}
	if f.Revision != 0 {
		body["revision"] = f.Revision
	}
	if f.Request != "" {
		body["request"] = f.Request
	}
	c, err := f.connect()
	if err != nil {
		return err
	}
	var out struct {
		Contact, Request, State string
		IDs                     []int64
		Revision                uint64
	}
	if err := c.call(ctx, http.MethodPost, f.path("correct"), body, &out); err != nil {
		return err
	}
	if out.Revision == 0 {
		return fmt.Errorf("nothing is corrected yet: the request %s is %s; call again with --request %s then", out.Request, out.State, out.Request)
	}
	_, err = fmt.Fprintf(s.out, "%s: %d data corrected, %d removed, revision %d; request %s is %s\n",
		out.Contact, len(data), len(f.Remove), out.Revision, out.Request, out.State)
	return err
}
