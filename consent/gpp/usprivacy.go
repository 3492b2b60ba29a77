package gpp

// USPrivacy is a us_privacy string: four characters, the version 1 and three
// answers, each 'Y', 'N' or '-' (does not apply).
type USPrivacy struct {
	Notice, OptOutSale, LSPACovered byte
}

// OptedOut says whether the person opted out of the sale of data.
func (u USPrivacy) OptedOut() bool { return u.OptOutSale == 'Y' }

// ParseUSPrivacy reads a us_privacy string. Small letters, which some tools
// write, are read as capital ones. The error is ErrUSPrivacy.
func ParseUSPrivacy(text []byte) (USPrivacy, error) {
	if len(text) != 4 || text[0] != '1' {
		return USPrivacy{}, ErrUSPrivacy
	}
	var answers [3]byte
	for i, c := range text[1:] {
		switch c {
		case 'Y', 'y':
			answers[i] = 'Y'
		case 'N', 'n':
			answers[i] = 'N'
		case '-':
			answers[i] = '-'
		default:
			return USPrivacy{}, ErrUSPrivacy
		}
	}
	return USPrivacy{Notice: answers[0], OptOutSale: answers[1], LSPACovered: answers[2]}, nil
}
