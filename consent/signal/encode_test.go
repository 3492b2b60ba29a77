package signal

import (
	"strings"
	"time"
)

// bitText writes numbers as base64url signs of six bits.
type bitText struct {
	b    strings.Builder
	sign byte
	n    int
}

func (w *bitText) put(v uint64, bits int) {
	for i := bits - 1; i >= 0; i-- {
		w.sign = w.sign<<1 | byte(v>>i&1)
		if w.n++; w.n == 6 {
			w.b.WriteByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[w.sign])
			w.sign, w.n = 0, 0
		}
	}
}

// set writes a set of numbers as bits, the first of which is number 1.
func (w *bitText) set(numbers []int, bits int) {
	for i := 1; i <= bits; i++ {
		on := uint64(0)
		for _, n := range numbers {
			if n == i {
				on = 1
			}
		}
		w.put(on, 1)
	}
}

// vendors writes a section of vendors as a bit field.
func (w *bitText) vendors(ids []int) {
	highest := 0
	for _, id := range ids {
		highest = max(highest, id)
	}
	w.put(uint64(highest), 16)
	w.put(0, 1)
	w.set(ids, highest)
}

func (w *bitText) text() string {
	for w.n != 0 {
		w.put(0, 1)
	}
	return w.b.String()
}

// tc is what a TC string of a test says.
type tc struct {
	updated             time.Time
	global              bool
	features            []int
	purposes, interests []int
	vendors, vendorsLI  []int
	restricted          [][3]int // purpose, restriction, vendor
	hidden              bool     // no Disclosed Vendors
	disclosed           []int
	publisher           []int // nil: no segment
}

// String encodes it.
func (s tc) String() string {
	var w bitText
	if s.updated.IsZero() {
		s.updated = testNow.AddDate(0, -1, 0)
	}
	at := uint64(s.updated.UnixMilli() / 100)
	w.put(2, 6)
	w.put(at, 36)
	w.put(at, 36)
	w.put(10, 12)  // CMP
	w.put(1, 12)   // its version
	w.put(1, 6)    // screen
	w.put(0, 12)   // AA
	w.put(100, 12) // vendor list
	w.put(5, 6)
	if s.global {
		w.put(0, 1)
	} else {
		w.put(1, 1)
	}
	w.put(0, 1)
	w.set(s.features, 12)
	w.set(s.purposes, 24)
	w.set(s.interests, 24)
	w.put(0, 1)
	w.put(0, 12)
	w.vendors(s.vendors)
	w.vendors(s.vendorsLI)
	w.put(uint64(len(s.restricted)), 12)
	for _, r := range s.restricted {
		w.put(uint64(r[0]), 6)
		w.put(uint64(r[1]), 2)
		w.put(1, 12)
		w.put(0, 1)
		w.put(uint64(r[2]), 16)
	}
	text := w.text()
	if !s.hidden {
		var d bitText
		d.put(1, 3)
		d.vendors(s.disclosed)
		text += "." + d.text()
	}
	if s.publisher != nil {
		var p bitText
		p.put(3, 3)
		p.set(s.publisher, 24)
		p.set(nil, 24)
		p.put(0, 6)
		text += "." + p.text()
	}
	return text
}

// gppText joins sections, by rising id, into a GPP string.
func gppText(sections ...any) string {
	var w bitText
	w.put(3, 6)
	w.put(1, 6)
	w.put(uint64(len(sections)/2), 12)
	last, texts := 0, ""
	for i := 0; i < len(sections); i += 2 {
		id := sections[i].(int)
		w.put(0, 1)
		w.fibonacci(id - last)
		last = id
		texts += "~" + sections[i+1].(string)
	}
	return w.text() + texts
}

func (w *bitText) fibonacci(n int) {
	numbers := []int{1}
	for a, b := 1, 2; b <= n; a, b = b, a+b {
		numbers = append(numbers, b)
	}
	bits := make([]uint64, len(numbers))
	for i := len(numbers) - 1; i >= 0; i-- {
		if numbers[i] <= n {
			bits[i], n = 1, n-numbers[i]
		}
	}
	for _, bit := range bits {
		w.put(bit, 1)
	}
	w.put(1, 1)
}

// virginia encodes section 9: sale and targeted advertising, 1 opted out, 2 not;
// sensitive is the first of its categories, child its known child.
func virginia(sale, targeted, sensitive, child, service uint64) string {
	var w bitText
	w.put(1, 6)
	for _, v := range []uint64{1, 1, 1, sale, targeted, sensitive, 0, 0, 0, 0, 0, 0, 0, child, 1, 2, service} {
		w.put(v, 2)
	}
	return w.text()
}

// further encodes section 8 or 13, which are of the same length, of somebody who
// opted out of nothing: consent is that to further uses, 0 where nothing was asked, 1 without, 2 with it.
func further(consent uint64) string {
	var w bitText
	w.put(1, 6)
	for _, v := range []uint64{1, 1, 1, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, consent, 1, 2, 2} {
		w.put(v, 2)
	}
	return w.text()
}

// california encodes section 8, with its subsection for GPC where gpc is 0 or 1.
func california(sale, sharing uint64, gpc int) string {
	var w bitText
	w.put(1, 6)
	for _, v := range []uint64{1, 1, 1, sale, sharing, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 2} {
		w.put(v, 2)
	}
	switch gpc {
	case 0:
		return w.text() + ".QA"
	case 1:
		return w.text() + ".YA"
	default:
		return w.text()
	}
}
