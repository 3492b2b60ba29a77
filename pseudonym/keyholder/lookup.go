package keyholder

import (
	"context"
	"sync"

	"zgoda/event"
	"zgoda/pseudonym/access"
	"zgoda/pseudonym/keyholderpb"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/vault"
)

// wanted is one identifier of a contact, as a caller names it.
type wanted struct {
	h1, old event.Blinded // under the current gate key and the one before; old may be zero
}

// oldest is what the contact's decoy comes of: it does not change when the
// gateway key does, as a real contact's pseudonyms do not.
func (w *wanted) oldest() event.Blinded {
	if w.old.IsZero() {
		return w.h1
	}
	return w.old
}

// places are the indexes that a contact may be found by, in the order in which
// to look: from an old one to the current, the way that rotations move them.
type places struct {
	at      [4]keyring.Index
	n       int
	current keyring.Index
}

func placesOf(d *keyring.Deriver, w *wanted) (p places) {
	p.fill(d, w)
	return p
}

// fill computes the indexes in place of those that were there.
func (p *places) fill(d *keyring.Deriver, w *wanted) {
	p.n = 0
	if !w.old.IsZero() {
		p.add(d, w.old)
	}
	p.add(d, w.h1)
	p.current = p.at[p.n-1]
}

func (p *places) add(d *keyring.Deriver, h1 event.Blinded) {
	current, old, carrying := d.Indexes(h1)
	if carrying {
		p.at[p.n] = old
		p.n++
	}
	p.at[p.n] = current
	p.n++
}

// look looks in memory, under every index, also when the first leads to somebody:
// known and unknown ones take the same time. by is the index that led there.
func (s *service) look(p *places) (salt keyring.Salt, by keyring.Index, known bool) {
	for _, index := range p.at[:p.n] {
		if found, leads := s.contacts.Lookup(index); leads && !known {
			salt, by, known = found, index, true
		}
	}
	return salt, by, known
}

// find finds one contact, also one that another keyholder made.
func (s *service) find(ctx context.Context, d *keyring.Deriver, w wanted) (keyring.Salt, bool, error) {
	p := placesOf(d, &w)
	if salt, _, known := s.look(&p); known {
		return salt, true, nil
	}
	if err := s.contacts.Load(ctx, p.at[:p.n]); err != nil {
		return keyring.Salt{}, false, s.vaultFailed(ctx, err)
	}
	salt, _, known := s.look(&p)
	return salt, known, nil
}

// batch is a Resolve under way.
type batch struct {
	request *keyholderpb.ResolveRequest
	made    vault.Made
	today   uint32
	salts   []keyring.Salt
	rotates bool         // K_gate has two versions: identifiers under the old one count
	rows    []place      // the contacts of the batch, known or not
	unknown int          // how many of them memory does not know
	aliases []vault.Pair // contacts that are known by an old gate key alone
	erased  []int64      // of each row, the cut-off of an erasure that its identifier was part of; nil: none
}

// old is a row's identifier under the gate key before, zero unless there is one.
func (b *batch) old(row int) event.Blinded {
	if !b.rotates {
		return event.Blinded{}
	}
	return b.request.Old(row)
}

// rotates says whether K_gate has two versions. Without, an identifier under "the
// one before" is of nobody: it would make what the caller likes lead to a contact.
func (s *service) rotates() bool { return len(s.ring.Gateway().Gate) > 1 }

// place is a row of a batch that is about a contact.
type place struct {
	row    int
	places places
	known  bool
}

// rooms are lists of places to use again: one that grew with the unknown rows
// alone would tell them by its time.
var rooms = sync.Pool{New: func() any { return new([]place) }}

// room lends room for n places. giveBack wipes it.
func room(n int) (rows []place, giveBack func()) {
	kept := rooms.Get().(*[]place) //nolint:forcetypeassert // the pool's New makes nothing else
	if cap(*kept) < n {
		*kept = make([]place, n)
	}
	rows = (*kept)[:n]
	return rows, func() {
		clear(rows)
		rooms.Put(kept)
	}
}

// salts finds the salts of the contacts in a batch, and mints those that are to
// be, all in one transaction. The decoy of every contact is computed, known or
// not, and each is looked for and gone over as often, so that all take the same
// way. What is left is a question to a database that several keyholders share.
func (s *service) salts(ctx context.Context, d *keyring.Deriver, request *keyholderpb.ResolveRequest, n int) (*batch, error) {
	rows, giveBack := room(n)
	defer giveBack()
	b := &batch{
		request: request, rotates: s.rotates(), today: s.contacts.Today(), made: vault.Made{Link: d.Links(), Gate: request.GetGate()}, salts: make([]keyring.Salt, n), rows: rows[:0],
	}
	for i := range n {
		h1, kind, _, _ := request.Row(i)
		if err := check(h1, kind); err != nil {
			return nil, err
		}
		if kind == event.KindVisitor {
			continue
		}
		w := wanted{h1, b.old(i)}
		b.salts[i] = d.Decoy(w.oldest())
		b.rows = b.rows[:len(b.rows)+1]
		p := &b.rows[len(b.rows)-1]
		p.row = i
		p.places.fill(d, &w)
		if _, _, p.known = s.look(&p.places); !p.known {
			b.unknown++
		}
	}
	if err := s.load(ctx, b); err != nil {
		return nil, err
	}
	for i := range b.rows {
		s.settle(b, &b.rows[i])
	}
	if err := s.mint(ctx, b); err != nil {
		return nil, err
	}
	s.alias(ctx, b)
	s.late(d, b)
	b.rows = nil
	return b, nil
}

// late looks for tombstones of the batch's identifiers. Who is unknown is looked for as
// well, and not told: it would be known by the time, or by the answer.
func (s *service) late(d *keyring.Deriver, b *batch) {
	look := s.cases.Look(d)
	if look == nil {
		return
	}
	defer look.Release()
	for i := range b.rows {
		p := &b.rows[i]
		h1, _, _, _ := b.request.Row(p.row)
		cutoff := look.Cutoff(h1, &p.places.current)
		if old := b.old(p.row); !old.IsZero() {
			index := d.Index(old)
			cutoff = max(cutoff, look.Cutoff(old, &index))
		}
		if cutoff == 0 || !p.known {
			continue
		}
		if b.erased == nil {
			b.erased = make([]int64, len(b.salts))
		}
		b.erased[p.row] = cutoff
	}
}

// alias makes contacts known by the current gate key as well. Over the quota it
// is left to a later batch: they are found by the old key meanwhile.
func (s *service) alias(ctx context.Context, b *batch) {
	who, _ := access.From(ctx)
	if len(b.aliases) == 0 || s.policy.Quota.TakeAliases(who, len(b.aliases)) != nil {
		return
	}
	if err := s.contacts.Alias(ctx, b.aliases, b.made); err != nil {
		s.log.Error("carry contacts over to a new gateway key", "error", err)
	}
}

// load asks what memory does not know, and others may have made.
func (s *service) load(ctx context.Context, b *batch) error {
	if b.unknown == 0 {
		return nil
	}
	indexes := make([]keyring.Index, 0, b.unknown)
	for i := range b.rows {
		if p := &b.rows[i]; !p.known {
			indexes = append(indexes, p.places.at[:p.places.n]...)
		}
	}
	b.unknown = 0
	if err := s.contacts.Load(ctx, indexes); err != nil {
		return s.vaultFailed(ctx, err)
	}
	return nil
}

// settle looks for a row's contact again, once the others' are loaded. It answers
// the row if the contact is known, and counts it if not.
func (s *service) settle(b *batch, p *place) {
	salt, by, known := s.look(&p.places)
	carried := true
	if !b.old(p.row).IsZero() {
		_, carried = s.contacts.Lookup(p.places.current)
	}
	if p.known = known; !known {
		by = p.places.current
	}
	s.contacts.See(b.today, by) // also of who is nobody: it takes the same time
	if !known {
		b.unknown++
		return
	}
	b.salts[p.row] = salt
	if by != p.places.current && !carried {
		b.aliases = append(b.aliases, vault.Pair{Old: by, New: p.places.current})
	}
}

// mint makes the contacts that are to be made, if the quota allows the batch.
func (s *service) mint(ctx context.Context, b *batch) error {
	var fresh []keyring.Index
	for i := range b.rows {
		p := &b.rows[i]
		if _, _, mint, _ := b.request.Row(p.row); mint && !p.known {
			fresh = append(fresh, p.places.current)
		}
	}
	if err := s.quota(ctx, b.unknown-len(fresh), len(fresh)); err != nil {
		return err
	}
	if len(fresh) == 0 {
		return nil
	}
	if err := s.contacts.MintUnder(ctx, fresh, b.made); err != nil {
		return s.vaultFailed(ctx, err)
	}
	for i := range b.rows { // also those that another row of the batch minted
		p := &b.rows[i]
		if p.known {
			continue
		}
		salt, known := s.contacts.Lookup(p.places.current)
		if _, _, mint, _ := b.request.Row(p.row); mint && !known {
			return errNoVault // a decoy must never be answered for somebody who was made
		}
		if known {
			p.known, b.salts[p.row] = true, salt
		}
	}
	return nil
}

// linkable returns the current indexes of identifiers that are to lead to one
// contact. Those that are known by an old index alone are made known by the
// current one first.
func (s *service) linkable(ctx context.Context, d *keyring.Deriver, hashes []event.Blinded, old []byte, gate uint32) ([]keyring.Index, error) {
	indexes := make([]keyring.Index, len(hashes))
	var aliases []vault.Pair
	var all, unknown []places
	rotates := s.rotates()
	for i, h1 := range hashes {
		w := wanted{h1: h1}
		if len(old) > 0 && rotates {
			copy(w.old[:], old[i*len(w.old):])
		}
		p := placesOf(d, &w)
		indexes[i], all = p.current, append(all, p)
		for _, index := range p.at[:p.n] {
			if index != p.current {
				aliases = append(aliases, vault.Pair{Old: index, New: p.current})
			}
		}
		if _, _, found := s.look(&p); !found {
			unknown = append(unknown, p)
		}
	}
	if err := s.led(ctx, unknown, len(hashes)); err != nil {
		return nil, err
	}
	if err := s.carried(ctx, all); err != nil {
		return nil, err
	}
	if err := s.contacts.Alias(ctx, aliases, vault.Made{Link: d.Links(), Gate: gate}); err != nil {
		return nil, s.vaultFailed(ctx, err)
	}
	return indexes, nil
}

// led takes what a link asks for: every identifier that it makes known counts as
// a contact that is made. If only new contacts did, who links guesses to a contact
// that is known could try as many as they like.
func (s *service) led(ctx context.Context, unknown []places, of int) error {
	var indexes []keyring.Index
	for i := range unknown {
		indexes = append(indexes, unknown[i].at[:unknown[i].n]...)
	}
	if err := s.contacts.Load(ctx, indexes); err != nil { // that another keyholder made
		return s.vaultFailed(ctx, err)
	}
	fresh := 0
	for i := range unknown {
		if _, _, found := s.look(&unknown[i]); !found {
			fresh++
		}
	}
	who, _ := access.From(ctx)
	tally := access.TallyOf(ctx)
	if err := s.policy.Quota.Take(who, 0, fresh); err != nil {
		tally.Why = access.WhyQuota
		return err
	}
	if fresh == of {
		tally.Minted++
	}
	return nil
}

// carried takes the identifiers of a link whose contact is known by another index
// than the current one: each becomes an alias.
func (s *service) carried(ctx context.Context, all []places) error {
	n := 0
	for i := range all {
		_, by, known := s.look(&all[i])
		if _, carried := s.contacts.Lookup(all[i].current); known && by != all[i].current && !carried {
			n++
		}
	}
	who, _ := access.From(ctx)
	if err := s.policy.Quota.TakeAliases(who, n); err != nil {
		access.TallyOf(ctx).Why = access.WhyQuota
		return err
	}
	return nil
}
