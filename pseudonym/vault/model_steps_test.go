package vault

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"zgoda/event"
	"zgoda/pseudonym/keyring"
)

func (s *system) mint(t *rapid.T) {
	v, ids := s.at(t), someIdentifiers.Draw(t, "ids")
	if err := v.MintUnder(context.Background(), s.indexes(t, v, ids), Made{Link: s.model.links}); err != nil {
		t.Fatal(err)
	}
	for _, n := range ids {
		if s.model.leads[n] == nil {
			s.model.leads[n] = s.person()
		}
	}
}

func (s *system) link(t *rapid.T) {
	v, ids := s.at(t), someIdentifiers.Draw(t, "ids")
	visitor := rapid.ByteRange(0, 3).Draw(t, "visitor")
	linked, err := v.LinkUnder(context.Background(), s.indexes(t, v, ids), event.Blinded{visitor}, Made{Link: s.model.links})
	if err != nil {
		t.Fatal(err)
	}
	var first, second *person
	for _, n := range ids {
		switch p := s.model.leads[n]; {
		case p == nil || p == first:
		case first == nil:
			first = p
		case second == nil:
			second = p
		}
	}
	if first == nil {
		first = s.person()
	}
	for _, n := range ids {
		if s.model.leads[n] == nil {
			s.model.leads[n] = first
		}
	}
	s.expect(t, first, linked.Contact)
	if linked.Conflict != (second != nil) {
		t.Fatalf("conflict %v", linked.Conflict)
	}
	if second != nil {
		s.expect(t, second, linked.Second)
	}
	if visitor != 0 {
		first.visitors[visitor] = true
	}
}

// someone draws a contact that is there, with its number.
func (s *system) someone(t *rapid.T, v *Vault) *person {
	known := make([]int, 0, identifierCount)
	for n := range identifierCount {
		if s.model.leads[n] != nil {
			known = append(known, n)
		}
	}
	if len(known) == 0 {
		t.Skip("nobody is there")
	}
	n := rapid.SampledFrom(known).Draw(t, "whose")
	p := s.model.leads[n]
	at, _ := s.where(t, v, n)
	id, err := v.Contact(context.Background(), at)
	if err != nil || p.id != 0 && p.id != id {
		t.Fatalf("another number, %v", err)
	}
	p.id = id
	return p
}

func (s *system) data(t *rapid.T) {
	v := s.at(t)
	p := s.someone(t, v)
	err := v.Update(context.Background(), p.id, func(c Contents) error {
		if rapid.Bool().Draw(t, "remove") {
			for id := range p.data {
				delete(p.data, id)
				return c.DeleteData(id)
			}
		}
		text := fmt.Sprint("datum of ", p.n)
		id, err := c.PutData(Row{Sealed: []byte(text)})
		p.data[id] = text
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (s *system) attach(t *rapid.T) {
	v := s.at(t)
	p := s.someone(t, v)
	name := byte(p.n*4 + rapid.IntRange(0, 3).Draw(t, "attachment"))
	id := [16]byte{name, byte(p.n >> 6)}
	err := v.Update(context.Background(), p.id, func(c Contents) error {
		if p.attachments[name] {
			delete(p.attachments, name)
			return c.DeleteAttachment(id)
		}
		p.attachments[name] = true
		return errors.Join(c.PutHead(Head{ID: id, Sealed: []byte("head"), Complete: true}), c.PutChunk(id, 0, []byte("chunk")))
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (s *system) merge(t *rapid.T) {
	v := s.at(t)
	keep, drop := s.someone(t, v), s.someone(t, v)
	err := v.Merge(context.Background(), keep.id, drop.id, moveAll)
	if keep == drop {
		if !errors.Is(err, ErrSame) {
			t.Fatalf("error %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	s.model.merged = true
	for n, p := range s.model.leads {
		if p == drop {
			s.model.leads[n] = keep
		}
	}
	for visitor := range drop.visitors {
		keep.visitors[visitor] = true
	}
	for name := range drop.attachments {
		keep.attachments[name] = true
	}
	s.remove(drop)
	s.renumber(t, v, keep)
}

// renumber reads a contact's data, of which a merge changed the numbers.
func (s *system) renumber(t *rapid.T, v *Vault, p *person) {
	clear(p.data)
	err := v.View(context.Background(), p.id, func(c Contents) error {
		rows, err := c.Data()
		for _, r := range rows {
			p.data[r.ID] = string(r.Sealed)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (s *system) forget(t *rapid.T) {
	v := s.at(t)
	p := s.someone(t, v)
	if err := v.Forget(context.Background(), p.id); err != nil {
		t.Fatal(err)
	}
	for n, of := range s.model.leads {
		if of == p {
			delete(s.model.leads, n)
		}
	}
	s.remove(p)
}

func (s *system) remove(p *person) {
	s.model.persons = slices.DeleteFunc(s.model.persons, func(o *person) bool { return o == p })
}

// rewrap goes one step on with a re-wrap, or begins the next. At its end the old
// slot key is destroyed.
func (s *system) rewrap(t *rapid.T) {
	if !s.model.rewraps {
		s.slots.next()
		s.model.rewraps, s.model.from = true, 0
	}
	next, done, err := s.at(t).Rewrap(context.Background(), s.model.from, 3)
	if err != nil {
		t.Fatal(err)
	}
	s.model.from = next
	if !done {
		return
	}
	s.model.rewraps = false
	old := s.slots.Current() - 1
	if left, _, _, err := s.at(t).Remaining(context.Background(), old, 0, 0); left != 0 || err != nil {
		t.Fatalf("%d contacts under the old key, %v", left, err)
	}
	s.slots.destroy(old)
}

// rekey goes one step on with the re-keying of identifiers, or begins the next.
func (s *system) rekey(t *rapid.T) {
	if !s.model.rekeying {
		s.model.links++
		s.model.rekeying, s.model.merged, s.model.after = true, false, keyring.Index{}
	}
	next, done, err := s.at(t).Reindex(context.Background(), s.model.links, s.model.after, 3, step)
	if err != nil {
		t.Fatal(err)
	}
	s.model.after = next
	if !done {
		return
	}
	_, left, _, err := s.at(t).Remaining(context.Background(), 0, s.model.links-1, 0)
	if err != nil || left != 0 && !s.model.merged {
		t.Fatalf("%d identifiers with the old chain, %v", left, err)
	}
	// A merge can have moved some to a contact that was passed: once more then.
	s.model.rekeying, s.model.merged, s.model.after = left != 0, false, keyring.Index{}
}
