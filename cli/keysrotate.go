package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"zgoda/pseudonym"
	"zgoda/pseudonym/kek/prompt"
)

type keysStatusCmd struct {
	keyholderFlags
	JSON bool `name:"json" help:"as JSON"`
}

// Run tells how the keys are.
func (c *keysStatusCmd) Run(ctx context.Context, s streams) error {
	client, err := c.administrator()
	if err != nil {
		return err
	}
	defer client.Close() //nolint:errcheck // it has answered or it has not
	status, err := client.Status(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(s.out).Encode(statusJSON(status))
	}
	return writeStatus(s.out, status)
}

// statusJSON is what scripts read: the names are a promise.
func statusJSON(s pseudonym.Status) map[string]any {
	keys, underWay := []map[string]any{}, []map[string]any{}
	for _, k := range s.Keys {
		keys = append(keys, map[string]any{
			"key": k.Key, "version": k.Version, "state": k.State, "made": timeText(k.Made), "until": timeText(k.Until),
			"remaining": k.Remaining, "reblinded": k.Reblinded, "used": k.Used,
		})
	}
	for _, p := range s.UnderWay {
		underWay = append(underWay, map[string]any{"key": p.Key, "step": p.Step, "done": p.Done, "of": p.Of})
	}
	return map[string]any{
		"kek": s.KEK, "contacts": s.Contacts, "identifiers": s.Identifiers, "rewrapped": timeText(s.Rewrapped),
		"calls": s.Calls, "revision": s.Revision, "gateways": s.Nodes, "keys": keys, "under_way": underWay,
	}
}

// timeText is a time for a person and a script, empty for none.
func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// countText is a number, empty for none.
func countText(n uint64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(n, 10)
}

func writeStatus(out io.Writer, s pseudonym.Status) error {
	rewrapped := timeText(s.Rewrapped)
	if rewrapped == "" {
		rewrapped = "never"
	}
	_, _ = fmt.Fprintf(out, "key-encryption key  %s\ncontacts            %d, by %d identifiers\nlast re-wrap        %s\nlog of calls        %d entries\ngateways            %s\n\n",
		s.KEK, s.Contacts, s.Identifiers, rewrapped, s.Calls, strings.Join(s.Nodes, " "))
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "KEY\tVERSION\tSTATE\tMADE\tUNTIL\tRE-BLINDED\tLEFT\tUSED FOR")
	for _, k := range s.Keys {
		_, _ = fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\n",
			k.Key, k.Version, k.State, timeText(k.Made), timeText(k.Until), countText(k.Reblinded), countText(k.Remaining), k.Used)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, p := range s.UnderWay {
		if _, err := fmt.Fprintln(out, "under way: "+progressLine(p)); err != nil {
			return err
		}
	}
	return nil
}

// progressLine says how far a rotation is.
func progressLine(p pseudonym.Progress) string {
	line := p.Key + ": " + p.Step
	if p.Of > 0 {
		line += fmt.Sprintf(" (%d of %d)", p.Done, p.Of)
	}
	return line
}

// rotated are the keys that can be rotated by hand.
var rotated = []string{"slot", "link", "gate", "purpose-profiling", "purpose-analytics", "kek"}

type keysRotateCmd struct {
	keyholderFlags
	Key    string `arg:"" help:"slot, link, gate, purpose-profiling, purpose-analytics or kek"`
	To     string `help:"of kek: the other key-encryption key; left out: a new version of the present one" placeholder:"URI"`
	Cut    bool   `help:"of a purpose key: what was stored is not carried over to the new pseudonyms, and nobody can join the two"`
	Retire uint32 `help:"of gate: end this old version; contacts that came under it alone are kept unless --lose says how many may go" placeholder:"VERSION"`
	Lose   uint64 `help:"with --retire: how many identifiers may be lost by it" placeholder:"N"`
	Detach bool   `help:"begin and return; zgoda keys status tells how far it is"`

	PassphraseFD int `name:"passphrase-fd" help:"with --to passphrase: descriptor to read the new passphrase from; left out: asked at the terminal" placeholder:"N"`
}

// check refuses what no key can do.
func (c *keysRotateCmd) check() error {
	switch {
	case c.Key == "purpose-consent" || c.Key == "visitor-consent":
		return usageError{"keys rotate: " + c.Key + " is not rotated: the ledger's chain holds the pseudonyms that it makes"}
	case !slices.Contains(rotated, c.Key):
		return usageError{"keys rotate: a key is one of " + strings.Join(rotated, ", ")}
	case c.To != "" && c.Key != "kek":
		return usageError{"keys rotate: --to goes with kek"}
	case c.Cut && !strings.HasPrefix(c.Key, "purpose-"):
		return usageError{"keys rotate: --cut goes with a purpose key"}
	case c.Retire != 0 && c.Key != "gate":
		return usageError{"keys rotate: --retire goes with gate"}
	case c.Lose != 0 && c.Retire == 0:
		return usageError{"keys rotate: --lose goes with --retire"}
	}
	return nil
}

// Run begins a rotation and tells how far it is.
func (c *keysRotateCmd) Run(ctx context.Context, s streams) error {
	if err := c.check(); err != nil {
		return err
	}
	r := pseudonym.Rotation{Key: c.Key, To: c.To, Cut: c.Cut, Retire: c.Retire, Lose: c.Lose}
	if strings.HasPrefix(c.To, "passphrase:") {
		ask, err := c.prompt()
		if err == nil {
			r.Passphrase, err = ask(ctx, true)
		}
		if err != nil {
			return fmt.Errorf("ask for the passphrase: %w", err)
		}
	}
	client, err := c.administrator()
	if err != nil {
		return err
	}
	defer client.Close() //nolint:errcheck // it has answered or it has not
	ctx, leave := context.WithCancelCause(ctx)
	defer leave(nil)
	told := teller{out: s.out}
	err = client.Rotate(ctx, r, func(p pseudonym.Progress) {
		told.tell(p)
		if c.Detach {
			leave(errDetached)
		}
	})
	if errors.Is(err, errDetached) {
		return nil
	}
	return errors.Join(err, told.err)
}

var errDetached = errors.New("detached")

func (c *keysRotateCmd) prompt() (prompt.Ask, error) {
	if c.PassphraseFD != 0 {
		return prompt.Descriptor(c.PassphraseFD), nil
	}
	return prompt.Terminal()
}

// teller writes a line for each step of a rotation, and for each tenth of it.
type teller struct {
	out   io.Writer
	step  string
	tenth uint64
	err   error
}

func (t *teller) tell(p pseudonym.Progress) {
	var tenth uint64
	if p.Of > 0 {
		tenth = p.Done * 10 / p.Of
	}
	if p.Step == t.step && tenth == t.tenth && !p.Ended {
		return
	}
	t.step, t.tenth = p.Step, tenth
	_, err := fmt.Fprintln(t.out, progressLine(p))
	t.err = errors.Join(t.err, err)
}
