package cli

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"zgoda/pseudonym"
	"zgoda/pseudonym/calls"
	"zgoda/pseudonym/role"
	"zgoda/pseudonym/secret"
)

type keysCmd struct {
	Status  keysStatusCmd  `cmd:"" help:"Tell the state of every key, and the rotations under way."`
	Rotate  keysRotateCmd  `cmd:"" help:"Put a new version of a key in use, and tell how far it is."`
	Issue   keysIssueCmd   `cmd:"" help:"Make a certificate for a caller of the keyholder over TCP."`
	Waiting keysWaitingCmd `cmd:"" help:"List the reveals above the limit, which want a second person."`
	Approve keysApproveCmd `cmd:"" help:"Let a reveal of another person through."`
	Log     keysLogCmd     `cmd:"" help:"Show and check the keyholder's log of calls."`

	Incidents keysIncidentsCmd `cmd:"" help:"List the drafts of incidents that the keyholder opened: reveals above the limit, runs of guesses."`

	Backup      keysBackupCmd      `cmd:"" help:"Write keys and vault to a file for age recipients."`
	RestoreTest keysRestoreTestCmd `cmd:"" name:"restore-test" help:"Restore a backup for a trial, and compare every contact's pseudonyms."`
}

// keyholderFlags say where the keyholder is, and who calls.
type keyholderFlags struct {
	dataFlag
	Socket    string  `help:"socket of the role at the keyholder; left out: the one in the data folder" type:"path" placeholder:"PATH"`
	Keyholder string  `help:"keyholder over TCP instead, with --certificate" placeholder:"HOST:PORT"`
	Cert      string  `name:"certificate" help:"certificate of the role, as zgoda keys issue writes it" type:"path" placeholder:"FILE"`
	UID       *uint32 `name:"uid" help:"user that the keyholder runs as; left out: our own" placeholder:"UID"`
	As        string  `help:"who acts, for the log of calls; left out: the user's number" placeholder:"NAME"`
}

// config are the settings of a client; name is the socket's in the data folder.
func (f *keyholderFlags) config(name string) pseudonym.ClientConfig {
	cfg := pseudonym.DefaultClientConfig()
	cfg.Deadline = 30 * time.Second
	cfg.Socket, cfg.Address, cfg.Identity, cfg.Actor = f.Socket, f.Keyholder, f.Cert, f.As
	if cfg.Actor == "" {
		cfg.Actor = "user " + strconv.Itoa(os.Getuid())
	}
	if cfg.Socket == "" && cfg.Address == "" {
		cfg.Socket = filepath.Join(f.Data, "run", name)
	}
	if f.UID != nil {
		cfg.UIDs = []uint32{*f.UID}
	}
	return cfg
}

func (f *keyholderFlags) administrator() (*pseudonym.Administrator, error) {
	return pseudonym.DialAdministrator(f.config("admin.sock"))
}

func (f *keyholderFlags) rights() (*pseudonym.Rights, error) {
	return pseudonym.DialRights(f.config("rights.sock"))
}

type keysIssueCmd struct {
	keyholderFlags
	Role string        `arg:"" help:"pseudonymise, rights or administrator"`
	Name string        `arg:"" help:"the caller's name: a-z, 0-9, hyphen, dot"`
	For  time.Duration `help:"how long it is good for, default 24h; 30m to 168h" default:"24h" placeholder:"TIME"`
	Out  string        `help:"file for the private key and its certificate, for its owner alone" required:"" type:"path" placeholder:"FILE"`
}

// Run makes a private key here and has the keyholder sign its certificate.
func (c *keysIssueCmd) Run(ctx context.Context, s streams) error {
	r, err := role.Parse(c.Role)
	if err == nil {
		err = role.CheckName(c.Name)
	}
	if err != nil {
		return usageError{"keys issue: " + err.Error()}
	}
	client, err := c.administrator()
	if err != nil {
		return err
	}
	defer client.Close() //nolint:errcheck // it has answered or it has not
	until, err := client.Issue(ctx, role.Caller{Role: r, Name: c.Name}, c.For, c.Out)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "%s: %s/%s until %s\n", c.Out, r, c.Name, until.UTC().Format(time.RFC3339))
	return err
}

type keysWaitingCmd struct{ keyholderFlags }

// Run lists the reveals that wait.
func (c *keysWaitingCmd) Run(ctx context.Context, s streams) error {
	client, err := c.rights()
	if err != nil {
		return err
	}
	defer client.Close() //nolint:errcheck // it has answered or it has not
	list, err := client.Waiting(ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "ID\tBY\tUNTIL\tAPPROVED\tREASON")
	for _, w := range list {
		_, _ = fmt.Fprintf(table, "%x\t%s\t%s\t%v\t%s\n", w.ID, w.Actor, w.Until.UTC().Format(time.RFC3339), w.Approved, w.Reason)
	}
	return table.Flush()
}

type keysApproveCmd struct {
	keyholderFlags
	ID string `arg:"" help:"as zgoda keys waiting lists it"`
}

// Run approves a reveal.
func (c *keysApproveCmd) Run(ctx context.Context) error {
	id, err := hex.DecodeString(c.ID)
	if err != nil || len(id) != 16 {
		return usageError{"keys approve: not an id of zgoda keys waiting"}
	}
	client, err := c.rights()
	if err != nil {
		return err
	}
	defer client.Close() //nolint:errcheck // it has answered or it has not
	return client.Approve(ctx, id)
}

type keysLogCmd struct {
	Show   keysLogShowCmd   `cmd:"" help:"Write the log of calls to standard output, one entry a line."`
	Verify keysLogVerifyCmd `cmd:"" help:"Check the log of calls; exit code 1 and the last good entry if it was altered."`
}

type keysLogShowCmd struct {
	keyholderFlags
	From uint64 `help:"number of the first entry" placeholder:"N"`
}

// Run writes the log.
func (c *keysLogShowCmd) Run(ctx context.Context, s streams) error {
	client, err := c.administrator()
	if err != nil {
		return err
	}
	defer client.Close() //nolint:errcheck // it has answered or it has not
	return client.Calls(ctx, c.From, s.out)
}

type keysLogVerifyCmd struct {
	keyholderFlags
	Folder string   `arg:"" optional:"" help:"folder of a log that was put away; left out: the keyholder's, seals included" type:"path"`
	Expect []string `help:"an entry that was noted elsewhere, which must be there; may be repeated" sep:"none" placeholder:"N:HASH"`
}

// Run checks the chain here. The seals are the keyholder's to check.
func (c *keysLogVerifyCmd) Run(ctx context.Context, s streams) error {
	noted, err := notedOf(c.Expect)
	if err != nil {
		return err
	}
	if c.Folder != "" {
		verdict, err := calls.VerifyDir(c.Folder, secret.Bytes{}, noted...)
		return tellVerdict(s.out, verdict, "not checked: the keyholder has their key", err)
	}
	client, err := c.administrator()
	if err != nil {
		return err
	}
	defer client.Close() //nolint:errcheck // it has answered or it has not
	seals, err := client.CheckCalls(ctx)
	if err != nil {
		return err
	}
	from, to := io.Pipe()
	go func() { to.CloseWithError(client.Calls(ctx, 0, to)) }()
	verdict, err := calls.Verify(from, secret.Bytes{}, noted...)
	_ = from.Close() // ends the call if there is more
	return tellVerdict(s.out, verdict, fmt.Sprintf("good, up to entry %d", seals.Sealed), err)
}

// notedOf reads N:HASH.
func notedOf(texts []string) ([]calls.Noted, error) {
	var list []calls.Noted
	for _, text := range texts {
		number, hash, _ := strings.Cut(text, ":")
		n, err := strconv.ParseUint(number, 10, 64)
		raw, errs := hex.DecodeString(hash)
		if err != nil || errs != nil || len(raw) != len(calls.Hash{}) {
			return nil, usageError{"keys log verify: --expect takes a number, a colon and 64 hexadecimal digits"}
		}
		list = append(list, calls.Noted{Number: n, Hash: calls.Hash(raw)})
	}
	return list, nil
}

func tellVerdict(out io.Writer, v calls.Verdict, seals string, err error) error {
	if err != nil {
		return err
	}
	if v.Last == 0 {
		return errors.New("there is no entry")
	}
	_, err = fmt.Fprintf(out, "entries %d to %d hold\nhead %d:%x\n%d seals (%s)\n", v.First, v.Last, v.Last, v.Head, v.Seals, seals)
	return err
}
