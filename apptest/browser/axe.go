package browser

import (
	"os"
	"path/filepath"
)

// Violation is one rule of axe-core that the page breaks.
type Violation struct {
	ID     string   `json:"id"`
	Impact string   `json:"impact"`
	Help   string   `json:"help"`
	Nodes  []string `json:"nodes"`
}

// Axe checks the page with axe-core of the project's node_modules, all rules
// of WCAG 2.2 AA and the best practices.
func (b *Browser) Axe() []Violation {
	b.tb.Helper()
	root, err := os.Getwd()
	if err != nil {
		b.tb.Fatal(err)
	}
	var source []byte
	for dir := root; ; dir = filepath.Dir(dir) {
		if source, err = os.ReadFile(filepath.Join(dir, "node_modules/axe-core/axe.min.js")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			b.tb.Fatal("axe-core is not installed: run npm ci --ignore-scripts")
		}
	}
	Eval[bool](b, string(source)+"\n;true")
	return Eval[[]Violation](b, `axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})
		.then(r => r.violations.map(v => ({id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.map(n => n.target.join(' '))})))`)
}
