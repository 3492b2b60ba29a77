package keyholderpb

import "zgoda/event"

// MaxOpen is the number of blobs of one Open, MaxKeep that of one Keep, whose message
// has about MaxKeepBytes at most.
const (
	MaxOpen      = 256
	MaxKeep      = 64
	MaxKeepBytes = 256 << 10
)

// Add appends one identifier; old may be zero.
func (m *Opened) Add(h1, old event.Blinded, kind event.IdentifierKind, mint bool) {
	m.H1 = append(m.H1, h1[:]...)
	m.H1Old = append(m.H1Old, old[:]...)
	m.Kind = append(m.Kind, byte(kind))
	cell := byte(0)
	if mint {
		cell = 1
	}
	m.Mint = append(m.Mint, cell)
}

// Rows returns the number of identifiers, or ErrColumns.
func (m *Opened) Rows() (int, error) {
	n := len(m.GetKind())
	if len(m.GetH1()) != n*blindedSize || len(m.GetH1Old()) != n*blindedSize || len(m.GetMint()) != n || m.GetReadable() != (n > 0) {
		return 0, ErrColumns
	}
	return n, nil
}

// Row returns the identifier at i, which Rows has allowed.
func (m *Opened) Row(i int) (h1, old event.Blinded, kind event.IdentifierKind, mint bool) {
	copy(h1[:], m.H1[i*blindedSize:])
	copy(old[:], m.H1Old[i*blindedSize:])
	return h1, old, event.IdentifierKind(m.Kind[i]), m.Mint[i] == 1
}
