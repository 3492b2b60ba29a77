package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"zgoda/event"
)

type contactCmd struct {
	Show      contactShowCmd `cmd:"" help:"Show what is on record about a contact."`
	Grant     grantCmd       `cmd:"" help:"Record a grant on the person's behalf."`
	Withdraw  withdrawCmd    `cmd:"" help:"Record a withdrawal on the person's behalf."`
	Receipts  receiptsCmd    `cmd:"" help:"Write a record or a receipt of a contact's consents."`
	Profiling profilingCmd   `cmd:"" help:"The switch over all purposes of kind profiling."`

	WithdrawalLink withdrawalLinkCmd `cmd:"" help:"Make the link by which the contact withdraws, for the footer of a mail."`

	Data contactDataCmd `cmd:"" help:"What is kept of a contact at the keyholder: identifiers, traits and documents."`

	Correct contactCorrectCmd `cmd:"" help:"Correct what is kept of a contact at the person's request; recipients are told."`

	Restrict   contactRestrictCmd   `cmd:"" help:"Restrict what is done with the contact's data (GDPR Art. 18)."`
	Unrestrict contactUnrestrictCmd `cmd:"" help:"Lift a restriction; the person was told before."`
	Object     contactObjectCmd     `cmd:"" help:"Record an objection to purposes, or to marketing (GDPR Art. 21)."`
	Automated  contactAutomatedCmd  `cmd:"" help:"Whether decisions may be left to machines alone (GDPR Art. 22)."`

	Import contactImportCmd `cmd:"" help:"Import consents with their proof from CSV."`

	ForgetWaiting forgetWaitingCmd `cmd:"" help:"Erase the contact's events that are accepted and not in ClickHouse yet."`
}

type profilingCmd struct {
	On  profilingOnCmd  `cmd:"" help:"Lift the switch; grants nothing."`
	Off profilingOffCmd `cmd:"" help:"Switch profiling off."`
}

// contactFlags say which contact.
type contactFlags struct {
	dataFlag
	siteFlag
	Identifier string `help:"KIND:VALUE, or - to read it from standard input; kinds: user_id, email, phone, customer_id, visitor" required:"" placeholder:"KIND:VALUE"`
}

type reasonFlag struct {
	Reason string `help:"why; kept with the ledger entry" placeholder:"R"`
}

type purposeFlags struct {
	reasonFlag
	Purpose string `help:"the purpose's id" required:"" placeholder:"P"`
	Channel string `help:"how the person said so, for example phone, paper, mail; default ${default}" default:"operator" placeholder:"C"`
}

// open reads the identifier and reaches the console.
func (f contactFlags) open(s streams) (*client, string, error) {
	identifier, err := given(s, f.Identifier, "identifier")
	if err != nil {
		return nil, "", err
	}
	if _, _, err := event.ParseIdentifier(identifier); err != nil {
		return nil, "", usageError{err.Error()}
	}
	c, err := f.connect()
	return c, identifier, err
}

// maxLine bounds a line of standard input.
const maxLine = 4096

// readLine reads one line and not a byte more, so that the next one is there for
// whoever reads after. A last line may lack its end.
func readLine(in io.Reader) (string, error) {
	var line []byte
	var b [1]byte
	for len(line) < maxLine {
		n, err := in.Read(b[:])
		if n > 0 {
			if b[0] == '\n' {
				break
			}
			line = append(line, b[0])
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", err
		}
	}
	return strings.TrimRight(string(line), "\r"), nil
}

// given is a flag's value, or the next line of standard input for "-".
func given(s streams, value, what string) (string, error) {
	if value != "-" {
		return value, nil
	}
	line, err := readLine(s.in)
	if err != nil {
		return "", fmt.Errorf("read the %s from standard input: %w", what, err)
	}
	return line, nil
}

// history returns the ledger's entries about a contact that exists, and its handle.
func (f contactFlags) history(ctx context.Context, s streams) (contact string, entries []shownEntry, err error) {
	c, identifier, err := f.open(s)
	if err != nil {
		return "", nil, err
	}
	if contact, err = f.find(ctx, c, identifier); err != nil {
		return "", nil, err
	}
	var h shownHistory
	err = c.call(ctx, http.MethodGet, f.path(contact, "consents"), nil, &h)
	return contact, h.Entries, err
}

func (f contactFlags) path(parts ...string) string {
	all := []string{"/sites", url.PathEscape(f.Site), "contacts"}
	for _, p := range parts {
		all = append(all, url.PathEscape(p))
	}
	return strings.Join(all, "/")
}

// find returns the handle of a contact that exists.
func (f contactFlags) find(ctx context.Context, c *client, identifier string) (string, error) {
	return f.handle(ctx, c, f.path()+":find", identifier)
}

// make returns the handle of a contact, which is made if need be: what a person
// says must hold from their first event on.
func (f contactFlags) make(ctx context.Context, c *client, identifier string) (string, error) {
	return f.handle(ctx, c, f.path(), identifier)
}

func (f contactFlags) handle(ctx context.Context, c *client, path, identifier string) (string, error) {
	var out struct{ Contact string }
	err := c.call(ctx, http.MethodPost, path, map[string]string{"identifier": identifier}, &out)
	return out.Contact, err
}

type contactShowCmd struct{ contactFlags }

type shownRecord struct {
	Contact, State string
	Profiling      bool
	Sequence       event.Sequence
	Purposes       []struct {
		Purpose, Choice string
		Version         uint32
	}
}

type shownHistory struct{ Entries []shownEntry }

type shownEntry struct {
	Sequence                               event.Sequence
	Purpose, State, Channel, Actor, Reason string
	Version                                uint32
	Guardian                               bool
	Verified, Until                        string
	Expires                                *time.Time // of a request
	Time                                   time.Time
}

// Run shows the record and the history of a contact.
func (f *contactShowCmd) Run(ctx context.Context, s streams) error {
	c, identifier, err := f.open(s)
	if err != nil {
		return err
	}
	contact, err := f.find(ctx, c, identifier)
	if err != nil {
		return err
	}
	var record shownRecord
	if err := c.call(ctx, http.MethodGet, f.path(contact), nil, &record); err != nil {
		return err
	}
	var history shownHistory
	if err := c.call(ctx, http.MethodGet, f.path(contact, "consents"), nil, &history); err != nil {
		return err
	}
	return printContact(s.out, record, history)
}

func printContact(out io.Writer, r shownRecord, h shownHistory) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) } // Flush returns the error
	p("contact\t%s", r.Contact)
	p("state\t%s", r.State)
	p("profiling switch\t%s", onOff(r.Profiling))
	p("sequence\t%d", r.Sequence)
	for _, purpose := range r.Purposes {
		if purpose.Version > 0 {
			p("%s\t%s (version %d)", purpose.Purpose, purpose.Choice, purpose.Version)
		} else {
			p("%s\t%s", purpose.Purpose, purpose.Choice)
		}
	}
	if len(h.Entries) > 0 {
		p("")
		p("sequence\ttime\tpurpose\tstate\tchannel\tactor\treason")
	}
	for _, e := range h.Entries {
		purpose := e.Purpose
		if purpose == "" {
			purpose = "-" // the entry is about the person as a whole
		}
		p("%d\t%s\t%s\t%s\t%s\t%s\t%s", e.Sequence, e.Time.Format(time.RFC3339), purpose, e.State, e.Channel, e.Actor, printable(e.Reason))
	}
	return w.Flush()
}

// printable keeps free text from steering a terminal or breaking a line.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, text)
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

type grantCmd struct {
	contactFlags
	purposeFlags
}

// Run records a grant.
func (f *grantCmd) Run(ctx context.Context, s streams) error {
	return f.choose(ctx, s, f.purposeFlags, true)
}

type withdrawCmd struct {
	contactFlags
	purposeFlags
}

// Run records a withdrawal.
func (f *withdrawCmd) Run(ctx context.Context, s streams) error {
	return f.choose(ctx, s, f.purposeFlags, false)
}

// enforced is the console's answer to a change.
type enforced struct {
	Contact  string
	Sequence event.Sequence
	Seconds  float64 `json:"enforced_after_seconds"`
}

func (e enforced) print(out io.Writer, what string) error {
	took := time.Duration(e.Seconds * float64(time.Second)).Round(10 * time.Microsecond)
	_, err := fmt.Fprintf(out, "%s for %s: sequence %d, enforced after %s\n", what, e.Contact, e.Sequence, took)
	return err
}

func (f contactFlags) choose(ctx context.Context, s streams, p purposeFlags, granted bool) error {
	c, identifier, err := f.open(s)
	if err != nil {
		return err
	}
	contact, err := f.make(ctx, c, identifier)
	if err != nil {
		return err
	}
	var e enforced
	in := map[string]any{"granted": granted, "reason": p.Reason, "channel": p.Channel}
	if err := c.call(ctx, http.MethodPut, f.path(contact, "consents", p.Purpose), in, &e); err != nil {
		return err
	}
	if granted {
		return e.print(s.out, p.Purpose+" granted")
	}
	return e.print(s.out, p.Purpose+" withdrawn")
}

type profilingOnCmd struct {
	contactFlags
	reasonFlag
}

// Run lifts the switch.
func (f *profilingOnCmd) Run(ctx context.Context, s streams) error {
	return f.profiling(ctx, s, f.Reason, true)
}

type profilingOffCmd struct {
	contactFlags
	reasonFlag
}

// Run switches profiling off.
func (f *profilingOffCmd) Run(ctx context.Context, s streams) error {
	return f.profiling(ctx, s, f.Reason, false)
}

func (f contactFlags) profiling(ctx context.Context, s streams, reason string, on bool) error {
	c, identifier, err := f.open(s)
	if err != nil {
		return err
	}
	reach := f.make
	if on {
		reach = f.find // there is nothing to lift for a contact that was never made
	}
	contact, err := reach(ctx, c, identifier)
	if err != nil {
		return err
	}
	var e enforced
	in := map[string]any{"enabled": on, "reason": reason}
	if err := c.call(ctx, http.MethodPut, f.path(contact, "profiling"), in, &e); err != nil {
		return err
	}
	return e.print(s.out, "profiling "+onOff(on))
}
