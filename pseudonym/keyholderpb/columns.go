package keyholderpb

import (
	"encoding/binary"
	"errors"

	"zgoda/event"
)

// Limits of a batch, the same on both sides.
const (
	MaxBatch = 4096 // identifiers of one Resolve
	MaxLink  = 16   // identifiers of one Link
	KeySize  = 32   // bytes of every key handed out
)

const (
	blindedSize = len(event.Blinded{})
	handleSize  = len(event.Handle{})
	rowSize     = 3 * handleSize // consent, profiling, analytics
	erasedSize  = 8
)

// ErrColumns is returned for columns of unequal length, or cells that are no whole ones.
var ErrColumns = errors.New("columns are not whole")

// Add appends one identifier.
func (m *ResolveRequest) Add(h1 event.Blinded, kind event.IdentifierKind, mint bool, period event.Period) {
	m.H1 = append(m.H1, h1[:]...)
	m.Kind = append(m.Kind, byte(kind))
	cell := byte(0)
	if mint {
		cell = 1
	}
	m.Mint = append(m.Mint, cell)
	m.Period = append(m.Period, uint32(period))
}

// AddOld names the identifier that was added last under the gate key before, too.
func (m *ResolveRequest) AddOld(h1 event.Blinded) {
	m.H1Old = append(m.H1Old, make([]byte, len(m.H1)-blindedSize-len(m.H1Old))...)
	m.H1Old = append(m.H1Old, h1[:]...)
}

// Whole fills the column of old hashes up, if there is any: AddOld leaves out
// what follows the last one.
func (m *ResolveRequest) Whole() {
	if len(m.H1Old) > 0 {
		m.H1Old = append(m.H1Old, make([]byte, len(m.H1)-len(m.H1Old))...)
	}
}

// Old returns the identifier at i under the gate key before; zero: it has none.
func (m *ResolveRequest) Old(i int) (h1 event.Blinded) {
	if len(m.H1Old) > 0 {
		copy(h1[:], m.H1Old[i*blindedSize:])
	}
	return h1
}

// Grow makes room for n identifiers.
func (m *ResolveRequest) Grow(n int) {
	m.H1 = make([]byte, 0, n*blindedSize)
	m.Kind = make([]byte, 0, n)
	m.Mint = make([]byte, 0, n)
	m.Period = make([]uint32, 0, n)
}

// Rows returns the number of identifiers, or ErrColumns.
func (m *ResolveRequest) Rows() (int, error) {
	n := len(m.GetKind())
	if len(m.GetH1()) != n*blindedSize || len(m.GetMint()) != n || len(m.GetPeriod()) != n {
		return 0, ErrColumns
	}
	if old := len(m.GetH1Old()); old != 0 && old != n*blindedSize {
		return 0, ErrColumns
	}
	for _, cell := range m.GetMint() {
		if cell > 1 {
			return 0, ErrColumns
		}
	}
	return n, nil
}

// Row returns the identifier at i, which Rows has allowed.
func (m *ResolveRequest) Row(i int) (h1 event.Blinded, kind event.IdentifierKind, mint bool, period event.Period) {
	copy(h1[:], m.H1[i*blindedSize:])
	return h1, event.IdentifierKind(m.Kind[i]), m.Mint[i] == 1, event.Period(m.Period[i])
}

// Blinded reads a column of hashes: whole cells, none of them zero.
func Blinded(column []byte) ([]event.Blinded, error) {
	if len(column)%blindedSize != 0 {
		return nil, ErrColumns
	}
	out := make([]event.Blinded, len(column)/blindedSize)
	for i := range out {
		copy(out[i][:], column[i*blindedSize:])
		if out[i].IsZero() {
			return nil, ErrColumns
		}
	}
	return out, nil
}

// Add appends the handles of one identifier.
func (m *ResolveAnswer) Add(h event.Handles) {
	m.Handles = append(m.Handles, h.Consent[:]...)
	m.Handles = append(m.Handles, h.Profiling[:]...)
	m.Handles = append(m.Handles, h.Analytics[:]...)
	m.Period = append(m.Period, uint32(h.Period))
	m.Version = append(m.Version, uint32(h.Version))
}

// Grow makes room for n identifiers.
func (m *ResolveAnswer) Grow(n int) {
	m.Handles = make([]byte, 0, n*rowSize)
	m.Period = make([]uint32, 0, n)
	m.Version = make([]uint32, 0, n)
}

// AddErased adds the cut-offs of all rows, in Unix milliseconds; nil: there is none.
func (m *ResolveAnswer) AddErased(cutoffs []int64) {
	for _, at := range cutoffs {
		m.Erased = binary.BigEndian.AppendUint64(m.Erased, uint64(at))
	}
}

// erasedAt returns the cut-off of a row; 0: none.
func (m *ResolveAnswer) erasedAt(i int) int64 {
	if len(m.GetErased()) == 0 {
		return 0
	}
	return int64(binary.BigEndian.Uint64(m.Erased[i*erasedSize:]))
}

// AppendTo appends the handles to dst. It wants exactly n of them, none without
// a consent, a profiling and an analytics handle: an answer that lacks one must
// not be taken for a person that nothing is recorded about.
func (m *ResolveAnswer) AppendTo(dst []event.Handles, n int) ([]event.Handles, error) {
	if len(m.GetHandles()) != n*rowSize || len(m.GetPeriod()) != n || len(m.GetVersion()) != n {
		return dst, ErrColumns
	}
	if erased := len(m.GetErased()); erased != 0 && erased != n*erasedSize {
		return dst, ErrColumns
	}
	for i := range n {
		row := m.Handles[i*rowSize:]
		h := event.Handles{Period: event.Period(m.Period[i]), Version: event.KeyVersion(m.Version[i])}
		copy(h.Consent[:], row)
		copy(h.Profiling[:], row[handleSize:])
		copy(h.Analytics[:], row[2*handleSize:])
		h.Erased = m.erasedAt(i)
		if h.Erased < 0 || h.Consent.IsZero() || h.Profiling.IsZero() || h.Analytics.IsZero() {
			return dst, ErrColumns
		}
		dst = append(dst, h)
	}
	return dst, nil
}
