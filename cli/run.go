package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// usageError is a command line that kong accepts and we do not.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

// codeError ends a command that has said everything with an exit code.
type codeError int

func (e codeError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// streams are where a command reads and writes.
type streams struct {
	in        io.Reader
	out, errw io.Writer
}

// grammar is the command line.
type grammar struct {
	Up          upCmd          `cmd:"" help:"Start everything with embedded defaults."`
	Serve       serveCmd       `cmd:"" help:"Run the gateway against a given ClickHouse and keyholder."`
	Check       checkCmd       `cmd:"" help:"Validate a configuration and print it without secrets."`
	SQL         sqlCmd         `cmd:"" name:"sql" help:"Query the activity of the running system."`
	Explain     explainCmd     `cmd:"" help:"Explain the decision about a raw HTTP request; stores nothing."`
	Drops       dropsCmd       `cmd:"" help:"Tell why an event was not stored, by its messageId."`
	DryRun      dryRunCmd      `cmd:"" name:"dryrun" help:"Tell what the candidate policy of --candidate would decide otherwise."`
	Contact     contactCmd     `cmd:"" help:"Show a contact, record a choice, switch profiling."`
	OptIn       optInCmd       `cmd:"" name:"optin" help:"Ask a person to confirm a consent, and show what came of it."`
	Guardian    guardianCmd    `cmd:"" help:"Record a guardian's grant for a minor, and list a contact's."`
	Renewals    renewalsCmd    `cmd:"" help:"List whom to ask again, since a grant has ended or ends soon."`
	Requests    requestsCmd    `cmd:"" help:"Requests of data subjects: open, list, decide, sign off, import."`
	Ledger      ledgerCmd      `cmd:"" help:"Export the consent ledger, and check an export offline."`
	Forget      forgetCmd      `cmd:"" help:"Forget a contact, a visitor, or many: rows, keys and records go, with a certificate."`
	Certificate certificateCmd `cmd:"" help:"Write the certificate of an erasure, and check one offline."`
	Export      exportCmd      `cmd:"" help:"Hand out all that is held of a person, or send it to another controller."`
	Agreement   agreementCmd   `cmd:"" help:"Keep agreements with contacts, and list contacts without one."`
	Backup      backupCmd      `cmd:"" help:"Back the control store and ClickHouse up, as far as they are this system's own."`
	Restore     restoreCmd     `cmd:"" help:"Put a backup in place, while the system is stopped; erasures since are carried out again at the next start."`
	Retention   retentionCmd   `cmd:"" help:"Show what runs of retention did, and make one."`
	Doctor      doctorCmd      `cmd:"" help:"Look the whole system over: what is wrong, why it matters and what to do. Exit code 1 for a problem, 3 when a check could not look."`
	Keys        keysCmd        `cmd:"" help:"Look after the keyholder: keys and their rotation, certificates, reveals that wait, its log of calls."`
	Control     controlCmd     `cmd:"" help:"Move the control store to PostgreSQL."`
	Token       tokenCmd       `cmd:"" help:"Make, list and revoke tokens of the console's API."`
	Version     versionCmd     `cmd:"" help:"Print the version."`
}

// Run runs one command line (without the program's name) and returns the exit
// code. It reads from in, answers on out and complains on errw.
func Run(ctx context.Context, args []string, in io.Reader, out, errw io.Writer, actions Actions) int {
	var g grammar
	left := false
	parser, err := kong.New(&g,
		kong.Name("zgoda"),
		kong.Description("Consent-first activity gateway. Settings also come from the environment; a flag beats the variable."),
		kong.Writers(out, errw),
		kong.Exit(func(int) { left = true }), // --help ends the parse, not the process
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Help(help),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(actions, streams{in, out, errw}),
	)
	if err != nil {
		_, _ = fmt.Fprintln(errw, "zgoda:", err)
		return exitFailed
	}
	if len(args) > 0 && args[0] == "help" {
		args = append(slices.Clone(args[1:]), "--help")
	}
	k, err := parser.Parse(args)
	if left {
		return exitDone
	}
	if err != nil {
		return usage(errw, errors.New(scrub(err.Error(), args)))
	}
	err = k.Run()
	var u usageError
	var code codeError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &code):
		return int(code)
	case errors.As(err, &u):
		return usage(errw, err)
	default:
		_, _ = fmt.Fprintln(errw, "zgoda:", err)
		return exitFailed
	}
}

// scrub takes arguments that could hold an identifier out of kong's words.
func scrub(text string, args []string) string {
	for _, arg := range args {
		_, value, _ := strings.Cut(arg, "=")
		for _, a := range []string{arg, value} {
			if strings.ContainsAny(a, ":@") {
				text = strings.ReplaceAll(text, a, redacted)
			}
		}
	}
	return text
}

func usage(errw io.Writer, err error) int {
	_, _ = fmt.Fprintf(errw, "zgoda: %v\nRun \"zgoda --help\", or \"zgoda COMMAND --help\".\n", err)
	return exitUsage
}
