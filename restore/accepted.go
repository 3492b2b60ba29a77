package restore

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"zgoda/control"
	"zgoda/event"
)

// Accepted are the erasures that were accepted and whose keys are there yet, in a file
// beside the journal: an older control store does not know them. It names nobody: whom
// they are about the keyholder's case says. It is safe for concurrent use, by one
// process.
type Accepted struct {
	path string

	mu   sync.Mutex
	list map[control.RequestID]accepted
}

// accepted is one of them, as the file has it.
type accepted struct {
	Request  string            `json:"request"`
	Site     event.SiteID      `json:"site,omitempty"`
	Mode     control.EraseMode `json:"mode"`
	Visitor  bool              `json:"visitor,omitempty"`
	Received time.Time         `json:"received"`
	Deadline time.Time         `json:"deadline"`
	Undo     time.Time         `json:"undo,omitzero"`
}

const acceptedName = "accepted.json"

// OpenAccepted reads the file of a folder. One that cannot be read is set aside, and
// told of by damaged.
func OpenAccepted(dir string) (a *Accepted, damaged, err error) {
	a = &Accepted{path: filepath.Join(dir, acceptedName), list: map[control.RequestID]accepted{}}
	raw, err := os.ReadFile(a.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return a, nil, nil
	case err != nil:
		return nil, nil, fmt.Errorf("read which erasures were accepted: %w", err)
	}
	var list []accepted
	damaged = json.Unmarshal(raw, &list)
	for i := range list {
		id, err := control.ParseRequestID(list[i].Request)
		if err != nil {
			damaged = errors.Join(damaged, err)
			continue
		}
		a.list[id] = list[i]
	}
	if damaged == nil {
		return a, nil, nil
	}
	if err := os.Rename(a.path, a.path+".damaged"); err != nil {
		return nil, nil, fmt.Errorf("set a damaged file aside: %w", err)
	}
	return a, damaged, a.write()
}

// Note writes down what was accepted. When it returns nil it is on the disk.
func (a *Accepted) Note(list []control.Request) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	var added []control.RequestID
	for i := range list {
		r := &list[i]
		if _, there := a.list[r.ID]; there {
			continue
		}
		a.list[r.ID] = accepted{r.ID.String(), r.Site, r.Mode, r.Visitor, r.Received, r.Deadline, r.Undo}
		added = append(added, r.ID)
	}
	if len(added) == 0 {
		return nil
	}
	if err := a.write(); err != nil {
		for _, id := range added { // so that it is tried again
			delete(a.list, id)
		}
		return err
	}
	return nil
}

// Drop takes out those of which others know: their journal is written, or they are not
// going to be done.
func (a *Accepted) Drop(ids []control.RequestID) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	before := len(a.list)
	for _, id := range ids {
		delete(a.list, id)
	}
	if len(a.list) == before {
		return nil
	}
	return a.write()
}

// requests are all of them, as they are opened anew.
func (a *Accepted) requests() (list []control.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for id, n := range a.list {
		list = append(list, control.Request{
			ID: id, Site: n.Site, Right: control.RightErasure, Mode: n.Mode, Visitor: n.Visitor, Received: n.Received, Deadline: n.Deadline, Undo: n.Undo,
		})
	}
	slices.SortFunc(list, func(x, y control.Request) int { return x.Received.Compare(y.Received) })
	return list
}

// write replaces the file, whole or not at all.
func (a *Accepted) write() error {
	list := make([]accepted, 0, len(a.list))
	for _, n := range a.list {
		list = append(list, n)
	}
	slices.SortFunc(list, func(x, y accepted) int { return x.Received.Compare(y.Received) })
	raw, err := json.Marshal(list)
	if err == nil {
		err = writeSynced(a.path+".part", raw)
	}
	if err == nil {
		err = os.Rename(a.path+".part", a.path)
	}
	if err != nil {
		return fmt.Errorf("write down which erasures were accepted: %w", err)
	}
	return syncFolder(filepath.Dir(a.path))
}
