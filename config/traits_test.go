package config

import (
	"fmt"
	"strings"
	"testing"
)

func TestTraits(t *testing.T) {
	for text, want := range map[string]string{
		"":                                      "listed [email phone name firstName lastName]",
		"    traits: {keep: none}\n":            "none []",
		"    traits: {keep: all}\n":             "all []",
		"    traits: {names: [plan]}\n":         "listed [plan]",
		"    traits: {names: []}\n":             "listed []",
		"    traits: {keep: some}\n":            "sites[0].traits.keep: ",
		"    traits: {keep: all, names: [a]}\n": "sites[0].traits.names: ",
		"    traits: {names: [a, a]}\n":         "sites[0].traits.names[1]: ",
	} {
		c, err := Parse([]byte(strings.Replace(example, "    origins:", text+"    origins:", 1)))
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		c.Sites[0].Keys.SecretFile = ""
		sites, err := c.MakeSites()
		if err != nil {
			if !strings.Contains(c.Validate().Error(), want) {
				t.Errorf("%q: %v", text, err)
			}
			continue
		}
		if got := fmt.Sprint(sites[0].Traits.Keep, " ", sites[0].Traits.Names); got != want {
			t.Errorf("%q: %s", text, got)
		}
	}
}
