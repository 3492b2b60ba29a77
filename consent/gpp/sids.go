package gpp

// SIDs are the sections that gpp_sid says apply to a request. The zero value
// names none.
type SIDs struct {
	set uint64
	// None is true when it says that no section applies (-1).
	None bool
	// Unknown is true when it says that this is not known (0).
	Unknown bool
}

// Has says whether the section applies.
func (s SIDs) Has(id ID) bool { return id <= maxID && s.set>>id&1 == 1 }

// maxSIDs bounds the list, maxDigits each of its numbers.
const (
	maxSIDs   = 64
	maxDigits = 4
)

// ParseSIDs reads the parameter gpp_sid: section ids in decimal, joined by
// commas, or -1 or 0 alone. Ids that no section has yet are passed over. The
// error is ErrSIDs.
func ParseSIDs(text []byte) (SIDs, error) {
	var s SIDs
	if string(text) == "-1" {
		return SIDs{None: true}, nil
	}
	if string(text) == "0" {
		return SIDs{Unknown: true}, nil
	}
	n, digits, count := 0, 0, 1
	for _, c := range text {
		switch {
		case c >= '0' && c <= '9' && digits < maxDigits:
			n, digits = n*10+int(c-'0'), digits+1
		case c == ',' && n > 0 && count < maxSIDs:
			s.add(n)
			n, digits, count = 0, 0, count+1
		default:
			return SIDs{}, ErrSIDs
		}
	}
	if n == 0 {
		return SIDs{}, ErrSIDs
	}
	s.add(n)
	return s, nil
}

func (s *SIDs) add(n int) {
	if n <= maxID {
		s.set |= 1 << n
	}
}
