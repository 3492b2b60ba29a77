package enrich

import (
	"regexp/syntax"
	"strings"
)

// maxNeedles is how many alternatives are looked for before the expression.
const maxNeedles = 512

// needles are texts in lower case of which one is in whatever an expression
// matches; none: nothing is known of it. They make the agents that no expression
// matches cheap: most expressions are passed over by a search for a word.
type needles []string

// in says whether the expression may match an agent in lower case.
func (n needles) in(lower string) bool {
	if len(n) == 0 {
		return true
	}
	for _, text := range n {
		if strings.Contains(lower, text) {
			return true
		}
	}
	return false
}

// worth is how much a set of needles tells: the length of its shortest.
func (n needles) worth() int {
	if len(n) == 0 {
		return 0
	}
	least := len(n[0])
	for _, text := range n[1:] {
		least = min(least, len(text))
	}
	return least
}

// needlesOf finds the needles of an expression.
func needlesOf(re *syntax.Regexp) (found needles) {
	switch re.Op {
	case syntax.OpLiteral:
		return needles{strings.ToLower(string(re.Rune))}
	case syntax.OpCapture, syntax.OpPlus:
		return needlesOf(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return needlesOf(re.Sub[0])
		}
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			if n := needlesOf(sub); n.worth() > found.worth() {
				found = n
			}
		}
	case syntax.OpAlternate:
		for _, sub := range re.Sub {
			n := needlesOf(sub)
			if n == nil || len(found)+len(n) > maxNeedles {
				return nil
			}
			found = append(found, n...)
		}
	default:
	}
	return found
}
