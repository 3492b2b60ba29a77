package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"zgoda/event"
)

type contactDataCmd struct {
	Show   dataShowCmd   `cmd:"" help:"Show what is kept of a contact; needs a reason, which is recorded."`
	Put    dataPutCmd    `cmd:"" help:"Add a datum, or correct one by its number."`
	Remove dataRemoveCmd `cmd:"" help:"Take data and documents away."`
	Attach dataAttachCmd `cmd:"" help:"Keep a document with a contact."`
	Fetch  dataFetchCmd  `cmd:"" help:"Hand a document out; counts as a reveal."`
	Merge  dataMergeCmd  `cmd:"" help:"Make one contact of two that are one person; cannot be undone."`
	List   dataListCmd   `cmd:"" help:"Tell whose pseudonyms these are, and all others of the same contacts."`
}

// personFlags say which contact, by an identifier or a pseudonym.
type personFlags struct {
	dataFlag
	siteFlag
	Identifier string `help:"KIND:VALUE, or - to read it from standard input; kinds: user_id, email, phone, customer_id" placeholder:"KIND:VALUE" xor:"who" required:""`
	Contact    string `help:"instead: a pseudonym of the contact, c_ and 26 letters" placeholder:"C" xor:"who" required:""`
}

// who reads who is meant, as the console's API says it.
func (f personFlags) who(s streams) (map[string]any, error) {
	if f.Contact != "" {
		return map[string]any{"contact": f.Contact}, nil
	}
	identifier, err := given(s, f.Identifier, "identifier")
	if err != nil {
		return nil, err
	}
	if _, _, err := event.ParseIdentifier(identifier); err != nil {
		return nil, usageError{err.Error()}
	}
	return map[string]any{"identifier": identifier}, nil
}

// open reads who is meant and reaches the console.
func (f personFlags) open(s streams) (*client, map[string]any, error) {
	body, err := f.who(s)
	if err != nil {
		return nil, nil, err
	}
	c, err := f.connect()
	return c, body, err
}

func (f siteFlag) path(verb string) string {
	return "/sites/" + url.PathEscape(f.Site) + "/contacts:" + verb
}

// whyFlag is a reason that is asked for.
type whyFlag struct {
	Reason string `help:"why; kept in the keyholder's log, so nothing personal" required:"" placeholder:"R"`
}

type dataShowCmd struct {
	personFlags
	whyFlag
	Approval string `help:"of an answer that asked for a second person, once they have approved" placeholder:"ID"`
	JSON     bool   `name:"json" help:"print the answer as JSON"`
}

// shownData is what is kept of a contact.
type shownData struct {
	Contact   string          `json:"contact"`
	Revision  uint64          `json:"revision"`
	Data      []shownDatum    `json:"data"`
	Documents []shownDocument `json:"documents"`
	Approval  string          `json:"approval,omitempty"`
}

type shownDatum struct {
	ID     int64     `json:"id"`
	Kind   string    `json:"kind,omitempty"`
	Name   string    `json:"name,omitempty"`
	Value  string    `json:"value"`
	Source string    `json:"source"`
	Basis  string    `json:"basis,omitempty"`
	Seen   time.Time `json:"seen"`
}

type shownDocument struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Type     string    `json:"type"`
	Bytes    int64     `json:"bytes"`
	Source   string    `json:"source"`
	Basis    string    `json:"basis,omitempty"`
	Seen     time.Time `json:"seen"`
	Complete bool      `json:"complete"`
}

// Run shows identifiers, traits and documents.
func (f *dataShowCmd) Run(ctx context.Context, s streams) error {
	c, body, err := f.open(s)
	if err != nil {
		return err
	}
	body["reason"] = f.Reason
	if f.Approval != "" {
		body["approval"] = f.Approval
	}
	var shown shownData
	if err := c.call(ctx, http.MethodPost, f.path("reveal"), body, &shown); err != nil {
		return err
	}
	if shown.Approval != "" {
		return fmt.Errorf("above the limit of reveals: another person must approve it within a quarter of an hour (zgoda keys approve %s), then give that as --approval", shown.Approval)
	}
	if f.JSON {
		return writeJSON(s.out, shown)
	}
	return printData(s.out, shown)
}

func printData(out io.Writer, d shownData) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) } // Flush returns the error
	p("contact\t%s", d.Contact)
	p("revision\t%d", d.Revision)
	if len(d.Data) > 0 {
		p("")
		p("id\tname\tvalue\tsource\tbasis\tseen")
	}
	for _, datum := range d.Data {
		name := datum.Name
		if datum.Kind != "" {
			name = datum.Kind
		}
		p("%d\t%s\t%s\t%s\t%s\t%s", datum.ID, printable(name), printable(datum.Value), printable(datum.Source), dash(printable(datum.Basis)), datum.Seen.Format(time.RFC3339))
	}
	if len(d.Documents) > 0 {
		p("")
		p("document\tname\ttype\tbytes\tsource\tbasis\tseen")
	}
	for _, a := range d.Documents {
		p("%s\t%s\t%s\t%d\t%s\t%s\t%s", a.ID, printable(a.Name), printable(a.Type), a.Bytes, printable(a.Source), dash(printable(a.Basis)), a.Seen.Format(time.RFC3339))
	}
	return w.Flush()
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

type dataPutCmd struct {
	personFlags
	reasonFlag
	Datum    []string `arg:"" help:"KIND:VALUE of an identifier or NAME=VALUE of a trait; - reads them from standard input, one a line"`
	Source   string   `help:"where it is from, for example order form" required:"" placeholder:"S"`
	Basis    string   `help:"what it is kept for, for example contract" placeholder:"B"`
	ID       int64    `name:"id" help:"number of the datum that is corrected" placeholder:"N"`
	Revision uint64   `help:"of what was shown: refused if it has changed since" placeholder:"N"`
}

// Run adds or corrects data.
func (f *dataPutCmd) Run(ctx context.Context, s streams) error {
	body, err := f.who(s)
	if err != nil {
		return err
	}
	texts, err := f.texts(s)
	if err != nil {
		return err
	}
	if f.ID != 0 && len(texts) != 1 {
		return usageError{"--id is for one datum"}
	}
	data := make([]map[string]any, len(texts))
	for i, text := range texts {
		if data[i], err = f.datum(text); err != nil {
			return err
		}
	}
	c, err := f.connect()
	if err != nil {
		return err
	}
	body["data"] = data
	if f.Reason != "" {
		body["reason"] = f.Reason
	}
	if f.Revision != 0 {
		body["revision"] = f.Revision
	}
	var out struct {
		Contact  string
		IDs      []int64
		Revision uint64
	}
	if err := c.call(ctx, http.MethodPost, f.path("put"), body, &out); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "%s: data %s kept, revision %d\n", out.Contact, strings.Trim(fmt.Sprint(out.IDs), "[]"), out.Revision)
	return err
}

func (f *dataPutCmd) texts(s streams) ([]string, error) {
	if !slices.Equal(f.Datum, []string{"-"}) {
		return f.Datum, nil
	}
	all, err := io.ReadAll(io.LimitReader(s.in, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("read the data from standard input: %w", err)
	}
	var texts []string
	for line := range strings.Lines(string(all)) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			texts = append(texts, line)
		}
	}
	return texts, nil
}

// datum reads an identifier or a trait.
func (f *dataPutCmd) datum(text string) (map[string]any, error) {
	d := map[string]any{"source": f.Source}
	if f.Basis != "" {
		d["basis"] = f.Basis
	}
	if f.ID != 0 {
		d["id"] = f.ID
	}
	if kind, value, err := event.ParseIdentifier(text); err == nil {
		d["kind"], d["value"] = kind.String(), value
		return d, nil
	}
	name, value, ok := strings.Cut(text, "=")
	if !ok || name == "" || value == "" {
		return nil, usageError{"a datum is KIND:VALUE or NAME=VALUE"}
	}
	d["name"], d["value"] = name, value
	return d, nil
}

type dataRemoveCmd struct {
	personFlags
	reasonFlag
	ID       []int64  `name:"id" help:"number of a datum" placeholder:"N"`
	Document []string `help:"id of a document" placeholder:"ID"`
	Revision uint64   `help:"of what was shown: refused if it has changed since" placeholder:"N"`
}

// Run takes data and documents away.
func (f *dataRemoveCmd) Run(ctx context.Context, s streams) error {
	if len(f.ID)+len(f.Document) == 0 {
		return usageError{"--id or --document is needed"}
	}
	c, body, err := f.open(s)
	if err != nil {
		return err
	}
	if len(f.ID) > 0 {
		body["ids"] = f.ID
	}
	if len(f.Document) > 0 {
		body["documents"] = f.Document
	}
	if f.Reason != "" {
		body["reason"] = f.Reason
	}
	if f.Revision != 0 {
		body["revision"] = f.Revision
	}
	var out struct {
		Contact  string
		Revision uint64
	}
	if err := c.call(ctx, http.MethodPost, f.path("remove"), body, &out); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "%s: %d data and %d documents removed, revision %d\n", out.Contact, len(f.ID), len(f.Document), out.Revision)
	return err
}

var errNoBytes = errors.New("the document was cut off")

// whole copies an answer, and says whether it is whole.
func whole(to io.Writer, resp *http.Response) (int64, error) {
	n, err := io.Copy(to, resp.Body)
	if err == nil && outcome(resp.Trailer) != nil {
		err = errNoBytes
	}
	return n, err
}
