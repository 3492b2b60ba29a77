package standstill

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"zgoda/pseudonym/private"
)

// kept is the file that remembers which gateways there are, for the next start: one
// that is away just then may have events under old pseudonyms on its disk, and is
// waited for as before.
type kept struct {
	path   string
	failed func(error) // is told of what could not be written
	at     time.Time   // when it was last written
	behind bool        // a gateway is new since
}

const (
	keepEvery = 5 * time.Minute // how old the times in the file may be
	keepRest  = time.Second     // between two writes: made-up names must not keep the disk busy
)

// line is a gateway in the file.
type line struct {
	By    string    `json:"by"`
	Name  string    `json:"name"`
	Heard time.Time `json:"heard"`
}

// Open makes a board that remembers in a file, for its owner alone, which gateways it
// heard of. failed is told of a file that cannot be read or written: the board goes on
// without.
func Open(path string, now func() time.Time, failed func(error)) *Board {
	b := New(now)
	b.kept = &kept{path: path, failed: failed}
	content, err := private.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return b
	}
	var lines []line
	if err == nil {
		err = json.Unmarshal(content, &lines)
	}
	if err != nil {
		failed(fmt.Errorf("read which gateways there are: %w", err))
		return b
	}
	for _, l := range lines[:min(len(lines), maxNodes)] {
		b.nodes[gateway{l.By, l.Name}] = &node{heard: l.Heard}
	}
	return b
}

// keepLocked writes the file when it is due: with a new gateway at once, if it was not
// written just before.
func (b *Board) keepLocked(fresh bool, now time.Time) {
	k := b.kept
	if k == nil {
		return
	}
	k.behind = k.behind || fresh
	if since := now.Sub(k.at); since < keepRest || !k.behind && since < keepEvery {
		return
	}
	lines := make([]line, 0, len(b.nodes))
	for g, n := range b.nodes {
		if now.Sub(n.heard) <= Known {
			lines = append(lines, line{g.by, g.name, n.heard.UTC()})
		}
	}
	content, err := json.Marshal(lines)
	if err == nil {
		err = private.WriteFile(k.path, append(content, '\n'))
	}
	k.at, k.behind = now, err != nil
	if err != nil {
		k.failed(fmt.Errorf("remember which gateways there are: %w", err))
	}
}
