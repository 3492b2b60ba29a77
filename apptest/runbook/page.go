package runbook

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// The parts of a page, in their order.
const (
	Users     = "What it means for users"
	Protected = "What it means for the people protected"
	Look      = "How to look"
	Do        = "What to do"
	Never     = "What never to do"
)

// Parts are all of them.
func Parts() []string { return []string{Users, Protected, Look, Do, Never} }

// Block is one fenced block of a page.
type Block struct {
	Part     string // the heading that it stands under; "" before the first
	Line     int    // where its commands begin
	Language string // sh: run by the test; text: shown only
	Text     string
}

// Page is one file.
type Page struct {
	Name   string // of the file, without .md
	Title  string
	Parts  []string          // headings of the second level, in order
	Words  map[string]string // what stands under each, without its blocks
	Blocks []Block
	Links  []string // targets of links, as they are written
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// Read reads a page.
func Read(path string) (Page, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Page{}, fmt.Errorf("read the runbook: %w", err)
	}
	p, err := Parse(string(text))
	p.Name = strings.TrimSuffix(filepath.Base(path), ".md")
	if err != nil {
		return p, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// Parse reads the text of a page. A block that is not closed is an error.
func Parse(text string) (Page, error) {
	p := Page{Words: map[string]string{}}
	part, number := "", 0
	var open *Block
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSuffix(line, "\n")
		fence, fenced := strings.CutPrefix(line, "```")
		switch {
		case open != nil && fenced:
			p.Blocks, open = append(p.Blocks, *open), nil
		case open != nil:
			open.Text += line + "\n"
		case fenced:
			open = &Block{Part: part, Line: number + 1, Language: fence}
		case strings.HasPrefix(line, "# "):
			p.Title = line[2:]
		case strings.HasPrefix(line, "## "):
			part = line[3:]
			p.Parts = append(p.Parts, part)
		default:
			p.Words[part] += line + "\n"
			for _, found := range link.FindAllStringSubmatch(line, -1) {
				p.Links = append(p.Links, found[1])
			}
		}
	}
	if open != nil {
		return p, fmt.Errorf("the block at line %d is not closed", open.Line)
	}
	return p, nil
}

// Commands are the blocks of a part that are run.
func (p *Page) Commands(part string) []Block {
	var all []Block
	for _, b := range p.Blocks {
		if b.Part == part && b.Language == "sh" {
			all = append(all, b)
		}
	}
	return all
}

// Faults are what a page lacks.
func (p *Page) Faults() []string {
	var faults []string
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if p.Title != p.Name {
		fault("its title is %q", p.Title)
	}
	if got, want := strings.Join(p.Parts, ", "), strings.Join(Parts(), ", "); got != want {
		fault("its parts are %s, not %s", got, want)
	}
	for _, part := range Parts() {
		if len(strings.Fields(p.Words[part])) < 10 {
			fault("it says too little under %q", part)
		}
	}
	for _, part := range []string{Look, Do} {
		if len(p.Commands(part)) == 0 {
			fault("it has no command under %q", part)
		}
	}
	for _, b := range p.Blocks {
		switch {
		case b.Language != "sh" && b.Language != "text":
			fault("line %d: a block is sh, which is run, or text, not %q", b.Line, b.Language)
		case b.Language == "sh" && b.Part != Look && b.Part != Do:
			fault("line %d: commands stand under %q or %q", b.Line, Look, Do)
		}
	}
	return faults
}
