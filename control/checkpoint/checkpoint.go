package checkpoint

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"zgoda/control/ledger"
	"zgoda/event"
)

// Checkpoint is what is signed.
type Checkpoint struct {
	// Origin is the name of the key that signs: a name of the installation, "/",
	// and the writer.
	Origin string
	ledger.Head
	At time.Time // UTC, second
}

// Origin joins the name of an installation and a writer.
func Origin(installation string, w ledger.Writer) string { return installation + "/" + string(w) }

// ErrInstallation is returned for a name that cannot be an installation's.
var ErrInstallation = errors.New("must be 1 to 100 of a-z, 0-9, '.', '-' and '/', for example example.org/zgoda")

// ValidInstallation says what is wrong with the name of an installation.
func ValidInstallation(name string) error {
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '.', c == '-', c == '/':
		default:
			return ErrInstallation
		}
	}
	if name == "" || len(name) > 100 {
		return ErrInstallation
	}
	return nil
}

// ErrFormat is wrapped by every error about a note that is no checkpoint.
var ErrFormat = errors.New("not a checkpoint of a ledger")

const timeForm = "2006-01-02T15:04:05Z"

// Text returns what is signed.
func (c *Checkpoint) Text() string {
	return fmt.Sprintf("%s\n%d\n%s\nsequence %d\ntime %s\n",
		c.Origin, c.Number, base64.StdEncoding.EncodeToString(c.Hash[:]), c.Sequence, c.At.UTC().Format(timeForm))
}

// Parse reads what Text wrote, and nothing else.
func Parse(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 6 {
		return Checkpoint{}, fmt.Errorf("%w: it has other lines", ErrFormat)
	}
	var c Checkpoint
	c.Origin = lines[0]
	installation, writer, _ := cutLast(c.Origin, "/")
	c.Writer = ledger.Writer(writer)
	if ValidInstallation(installation) != nil || !c.Writer.Valid() {
		return Checkpoint{}, fmt.Errorf("%w: origin", ErrFormat)
	}
	number, err := strconv.ParseUint(lines[1], 10, 64)
	if err != nil || number == 0 {
		return Checkpoint{}, fmt.Errorf("%w: number", ErrFormat)
	}
	hash, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(hash) != len(c.Hash) {
		return Checkpoint{}, fmt.Errorf("%w: hash", ErrFormat)
	}
	sequence, err := strconv.ParseUint(strings.TrimPrefix(lines[3], "sequence "), 10, 64)
	if err != nil || sequence < number {
		return Checkpoint{}, fmt.Errorf("%w: sequence", ErrFormat)
	}
	if c.At, err = time.Parse(timeForm, strings.TrimPrefix(lines[4], "time ")); err != nil {
		return Checkpoint{}, fmt.Errorf("%w: time", ErrFormat)
	}
	c.Number, c.Sequence = ledger.Number(number), event.Sequence(sequence)
	copy(c.Hash[:], hash)
	if c.Text() != text {
		return Checkpoint{}, fmt.Errorf("%w: it is not written as it should be", ErrFormat)
	}
	return c, nil
}

func cutLast(text, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(text, sep); i >= 0 {
		return text[:i], text[i+len(sep):], true
	}
	return text, "", false
}

// Sign returns the signed note of a checkpoint. The key's name must be the origin.
func Sign(c *Checkpoint, key note.Signer) ([]byte, error) {
	if key.Name() != c.Origin {
		return nil, fmt.Errorf("%w: the key has another name than the origin", ErrFormat)
	}
	text := c.Text()
	if _, err := Parse(text); err != nil {
		return nil, err
	}
	msg, err := note.Sign(&note.Note{Text: text}, key)
	if err != nil {
		return nil, fmt.Errorf("sign a checkpoint: %w", err)
	}
	return msg, nil
}

// MaxSize bounds a signed note, in bytes.
const MaxSize = 8 << 10

// Read returns the checkpoint in a signed note without looking at its signatures.
func Read(msg []byte) (Checkpoint, error) {
	text, signatures, ok := cutLast(string(msg), "\n\n")
	if !ok || len(msg) > MaxSize || !written(signatures) {
		return Checkpoint{}, fmt.Errorf("%w: it is no signed note", ErrFormat)
	}
	return Parse(text + "\n")
}

// written says whether signatures are written in the one way there is. Base64
// has more, which would let a note be altered and still open.
func written(signatures string) bool {
	for line := range strings.Lines(signatures) {
		_, encoded, ok := cutLast(strings.TrimSuffix(line, "\n"), " ")
		if raw, err := base64.StdEncoding.Strict().DecodeString(encoded); !ok || err != nil || len(raw) < 5 {
			return false
		}
	}
	return signatures != ""
}

// ErrSignature is returned for a note that none of the keys has signed.
var ErrSignature = errors.New("is not signed by a key that was given")

// Open returns the checkpoint in a note that the key named by its origin has
// signed.
func Open(msg []byte, keys []note.Verifier) (Checkpoint, error) {
	c, err := Read(msg)
	if err != nil {
		return c, err
	}
	for _, key := range keys {
		if key.Name() != c.Origin {
			continue
		}
		// One at a time: two keys may have one name, after a key was replaced.
		if n, err := note.Open(msg, note.VerifierList(key)); err == nil && len(n.Sigs) > 0 {
			return c, nil
		}
	}
	return c, ErrSignature
}
