package enrich

import (
	"regexp/syntax"
	"strings"
)

// closed is the set of names that may be stored, by their lower case. It is made
// at start from the expressions' own lists, so that nothing a client wrote is in
// it: not even the case of a letter.
type closed map[string]string

// The bounds of what one expression may add to a set.
const (
	maxNames = 256 // names of one replacement
	maxClass = 12  // letters of one class
)

// known returns the name of the set that s is, or an empty text.
func (c closed) known(s string) string { return c[strings.ToLower(s)] }

// add puts a name into the set; the first spelling stays.
func (c closed) add(name string) {
	name = strings.TrimSpace(name)
	key := strings.ToLower(name)
	if _, there := c[key]; !there && name != "" {
		c[key] = name
	}
}

// addReplacement adds everything that a replacement can become, where that is a
// list: a constant, or groups that hold nothing but words of the expression. A
// replacement that copies free text adds nothing.
func (c closed) addReplacement(re *syntax.Regexp, replacement string) {
	names := []string{""}
	for rest := replacement; rest != ""; {
		text, after, found := strings.Cut(rest, "$")
		names, rest = product(names, []string{text}), after
		if !found {
			break
		}
		if rest == "" || rest[0] < '0' || rest[0] > '9' {
			return
		}
		words := language(group(re, int(rest[0]-'0')))
		if names, rest = product(names, words), rest[1:]; names == nil {
			return
		}
	}
	for _, name := range names {
		c.add(name)
	}
}

// group returns the group of a number, nil when there is none.
func group(re *syntax.Regexp, n int) *syntax.Regexp {
	if re.Op == syntax.OpCapture && re.Cap == n {
		return re.Sub[0]
	}
	for _, sub := range re.Sub {
		if found := group(sub, n); found != nil {
			return found
		}
	}
	return nil
}

// language returns every text that an expression matches, nil when they are too
// many or free.
func language(re *syntax.Regexp) []string {
	if re == nil {
		return nil
	}
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText,
		syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return []string{""}
	case syntax.OpLiteral:
		return []string{string(re.Rune)}
	case syntax.OpCharClass:
		return letters(re.Rune)
	case syntax.OpCapture:
		return language(re.Sub[0])
	case syntax.OpQuest:
		return union([]string{""}, language(re.Sub[0]))
	case syntax.OpAlternate:
		all := language(re.Sub[0])
		for _, sub := range re.Sub[1:] {
			all = union(all, language(sub))
		}
		return all
	case syntax.OpConcat:
		all := []string{""}
		for _, sub := range re.Sub {
			all = product(all, language(sub))
		}
		return all
	default: // repetitions and any character: free text
		return nil
	}
}

// letters returns the letters of a class given as pairs of bounds.
func letters(pairs []rune) (all []string) {
	for i := 0; i+1 < len(pairs); i += 2 {
		for r := pairs[i]; r <= pairs[i+1]; r++ {
			if all = append(all, string(r)); len(all) > maxClass {
				return nil
			}
		}
	}
	return all
}

// product returns every text of a followed by every one of b, nil for too many.
func product(a, b []string) (all []string) {
	if len(a)*len(b) > maxNames {
		return nil
	}
	for _, head := range a {
		for _, tail := range b {
			all = append(all, head+tail)
		}
	}
	return all
}

// union returns the texts of both, nil when either is free or they are too many.
func union(a, b []string) []string {
	if a == nil || b == nil || len(a)+len(b) > maxNames {
		return nil
	}
	return append(append([]string(nil), a...), b...)
}
