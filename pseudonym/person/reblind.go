package person

import (
	"context"
	"errors"

	"zgoda/pseudonym/vault"
)

// Reblinded is what one step of Reblind came to.
type Reblinded struct {
	Next        vault.ContactID // where the next step begins
	Looked      int             // contacts; fewer than the limit at the end of all
	Identifiers int             // that lead to their contact under the gate key
	Taken       int             // that lead to another contact under it
	Unreadable  int             // contacts whose data cannot be opened, and identifiers that are none
}

// Reblind looks at up to limit contacts whose numbers are above a number, and makes
// the identifiers that are kept of them lead to them under a version of K_gate too,
// in one transaction. ways has to compute the indexes of every live version. Doing
// it again changes nothing and counts the same.
func (p *People) Reblind(ctx context.Context, from vault.ContactID, limit int, gate uint32, ways Ways) (Reblinded, error) {
	p.changing.Lock()
	defer p.changing.Unlock()
	var out Reblinded
	next, looked, err := p.store.UpdateAfter(ctx, from, limit, func(id vault.ContactID, c vault.Contents) error {
		k, err := open(c, id)
		if errors.Is(err, ErrSealed) || errors.Is(err, vault.ErrSalt) {
			out.Unreadable++ // the others are not to wait for it
			return nil
		}
		if err != nil {
			return err
		}
		return k.reblind(gate, ways, &out)
	})
	if err != nil {
		return Reblinded{}, explain(err)
	}
	out.Next, out.Looked = next, looked
	return out, nil
}

// reblind makes each identifier among the data lead here under a version of K_gate.
func (k *kept) reblind(gate uint32, ways Ways, out *Reblinded) error {
	for i := range k.data {
		d := &k.data[i]
		if !d.identifies() {
			continue
		}
		all, err := ways(d.Site, d.Kind, d.Value)
		if err != nil { // none of its kind any more
			out.Unreadable++
			continue
		}
		switch err := k.stand(gate, all); {
		case errors.Is(err, vault.ErrTaken):
			out.Taken++ // whom it leads to under the new key is for a person to tell
		case err != nil:
			return err
		default:
			out.Identifiers++
		}
	}
	return nil
}

// stand makes the indexes under a version of K_gate stand for those under others.
func (k *kept) stand(gate uint32, ways []Way) error {
	for _, way := range ways {
		if way.Made.Gate != gate || way.Old {
			continue
		}
		if err := k.Lead(way.Index, way.Made); err != nil {
			return err
		}
	}
	for _, way := range ways {
		if way.Made.Gate == gate {
			continue
		}
		if err := k.Supersede(way.Index); err != nil {
			return err
		}
	}
	return nil
}
