package signal

import (
	"math/bits"

	"zgoda/consent"
)

// category returns the index of the purpose that a category of a consent tool
// speaks for, or -1: by the site's table, else the purpose of the same id. row is its
// place in the table, or -1.
func category(p *consent.Policy, name []byte) (purpose, row int) {
	for row := range p.Categories {
		if c := &p.Categories[row]; c.Name == string(name) {
			return p.Find(c.Purpose), row
		}
	}
	return find(p, name), -1
}

// yeses are the categories that a tool says yes to. Where several of the table
// speak for a purpose it takes all of them; a category that is the purpose's own id
// speaks for it alone.
type yeses struct {
	rows     uint64 // of the table
	purposes uint32 // that some of them speak for
}

// add takes a category in.
func (y *yeses) add(p *consent.Policy, name []byte, st *consent.Statement) {
	purpose, row := category(p, name)
	if row >= 0 && row < consent.MaxCategories {
		y.rows |= 1 << row
	}
	switch {
	case purpose < 0 || purpose >= consent.MaxStatementPurposes:
	case string(p.Purposes[purpose].ID) == string(name):
		st.Say(purpose, consent.Granted)
	default:
		y.purposes |= 1 << purpose
	}
}

// grant says which purposes are granted: those of which no category lacks, or, where
// one suffices, all of which there is one.
func (y *yeses) grant(p *consent.Policy, one bool, st *consent.Statement) {
	of := y.purposes
	for row := 0; row < len(p.Categories) && of != 0 && !one; row++ {
		if y.rows>>row&1 != 0 {
			continue
		}
		if purpose := p.Find(p.Categories[row].Purpose); purpose >= 0 {
			of &^= 1 << purpose
		}
	}
	for ; of != 0; of &= of - 1 {
		st.Say(bits.TrailingZeros32(of), consent.Granted)
	}
}
