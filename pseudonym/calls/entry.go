package calls

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Entry is one call, or the sum of several. The log sets Number and At.
type Entry struct {
	Number  uint64
	At      time.Time
	Role    string
	Caller  string
	Act     string
	Outcome string // done, refused, failed, begun, waiting
	Why     string // of a refusal: one of a closed set
	Actor   string // who acts, as the caller named them
	Reason  string // as they gave it
	Key     string // which key, of acts on keys
	Rows    uint64
	Unknown uint64
	Minted  uint64
	Calls   uint64 // how many calls this sums up; 0: one
}

// Hash is that of an entry.
type Hash [sha256.Size]byte

// line is an entry as it is written, its hash apart. The order of the fields is
// the format.
type line struct {
	Number  uint64 `json:"n"`
	At      string `json:"at"`
	Role    string `json:"role,omitempty"`
	Caller  string `json:"caller,omitempty"`
	Act     string `json:"act"`
	Outcome string `json:"outcome,omitempty"`
	Why     string `json:"why,omitempty"`
	Actor   string `json:"actor,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Key     string `json:"key,omitempty"`
	Rows    uint64 `json:"rows,omitempty"`
	Unknown uint64 `json:"unknown,omitempty"`
	Minted  uint64 `json:"minted,omitempty"`
	Calls   uint64 `json:"calls,omitempty"`
	MAC     string `json:"mac,omitempty"` // of a seal
	Prev    string `json:"prev"`
}

const timeForm = "2006-01-02T15:04:05.000Z"

// actSeal is the act of an entry that seals the head.
const actSeal = "seal"

// hashPart is what stands between an entry and its hash at the end of a line.
const hashPart = `,"hash":"`

// tailLength is that of the hash with all that is around it.
const tailLength = len(hashPart) + 2*sha256.Size + len(`"}`)

// ErrLine is returned for bytes that are no entry.
var ErrLine = errors.New("not an entry of the log of calls")

// encode returns the line with its ending newline, and the entry's hash.
func encode(e *Entry, mac string, prev Hash) ([]byte, Hash, error) {
	content, err := json.Marshal(line{
		Number: e.Number, At: e.At.UTC().Format(timeForm), Role: e.Role, Caller: e.Caller, Act: e.Act, Outcome: e.Outcome, Why: e.Why,
		Actor: e.Actor, Reason: e.Reason, Key: e.Key, Rows: e.Rows, Unknown: e.Unknown, Minted: e.Minted, Calls: e.Calls,
		MAC: mac, Prev: hex.EncodeToString(prev[:]),
	})
	if err != nil {
		return nil, Hash{}, fmt.Errorf("encode an entry: %w", err)
	}
	hash := chain(prev, content)
	out := append(content[:len(content)-1], hashPart...)
	out = hex.AppendEncode(out, hash[:])
	return append(out, "\"}\n"...), hash, nil
}

// chain is the hash of an entry: of the one before, and of its line without the hash.
func chain(prev Hash, content []byte) (hash Hash) {
	h := sha256.New()
	h.Write(prev[:])
	h.Write(content)
	h.Sum(hash[:0])
	return hash
}

// record is a line that was read.
type record struct {
	Entry

	mac        string
	prev, hash Hash
}

// decode reads one line, without its newline. It takes exactly what encode
// writes: another writing of the same entry is refused.
func decode(text []byte) (record, error) {
	cut := len(text) - tailLength
	if cut < 1 || !bytes.HasPrefix(text[cut:], []byte(hashPart)) || !bytes.HasSuffix(text, []byte(`"}`)) {
		return record{}, ErrLine
	}
	content := append(bytes.Clone(text[:cut]), '}')
	var l line
	if err := json.Unmarshal(content, &l); err != nil {
		return record{}, ErrLine
	}
	at, err := time.Parse(timeForm, l.At)
	if err != nil {
		return record{}, ErrLine
	}
	r := record{mac: l.MAC, Entry: Entry{
		Number: l.Number, At: at, Role: l.Role, Caller: l.Caller, Act: l.Act, Outcome: l.Outcome, Why: l.Why,
		Actor: l.Actor, Reason: l.Reason, Key: l.Key, Rows: l.Rows, Unknown: l.Unknown, Minted: l.Minted, Calls: l.Calls,
	}}
	if !unhex(&r.prev, l.Prev) || !unhex(&r.hash, string(text[cut+len(hashPart):len(text)-2])) {
		return record{}, ErrLine
	}
	again, hash, err := encode(&r.Entry, r.mac, r.prev)
	if err != nil || hash != r.hash || !bytes.Equal(again[:len(again)-1], text) {
		return record{}, ErrLine
	}
	return r, nil
}

func unhex(to *Hash, text string) bool {
	if len(text) != 2*len(to) {
		return false
	}
	_, err := hex.Decode(to[:], []byte(text))
	return err == nil
}
