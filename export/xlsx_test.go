package export_test

import (
	"encoding/xml"
	"strings"
	"testing"

	"zgoda/export"
)

// sheet is a worksheet as ECMA-376 has it.
type sheet struct {
	Rows []struct {
		Cells []struct {
			Ref    string  `xml:"r,attr"`
			Type   string  `xml:"t,attr"`
			Text   string  `xml:"is>t"`
			Number *string `xml:"f"` // a formula
		} `xml:"c"`
	} `xml:"sheetData>row"`
}

// sheets reads a workbook the way that readers do: by its relationships.
func sheets(t *testing.T, raw []byte) map[string]sheet {
	t.Helper()
	_, by := parts(t, raw)
	var book struct {
		Sheets []struct {
			Name string `xml:"name,attr"`
			ID   string `xml:"http://schemas.openxmlformats.org/officeDocument/2006/relationships id,attr"`
		} `xml:"sheets>sheet"`
	}
	var rels struct {
		List []struct {
			ID     string `xml:"Id,attr"`
			Target string `xml:"Target,attr"`
		} `xml:"Relationship"`
	}
	for name, into := range map[string]any{"xl/workbook.xml": &book, "xl/_rels/workbook.xml.rels": &rels} {
		if err := xml.Unmarshal(by[name], into); err != nil {
			t.Fatal(name, err)
		}
	}
	targets := map[string]string{}
	for _, r := range rels.List {
		targets[r.ID] = r.Target
	}
	all := map[string]sheet{}
	for _, s := range book.Sheets {
		var read sheet
		if err := xml.Unmarshal(by["xl/"+targets[s.ID]], &read); err != nil {
			t.Fatal(s.Name, err)
		}
		all[s.Name] = read
	}
	return all
}

func TestXLSX(t *testing.T) {
	raw := write(t, export.XLSX, ordered())
	all, _ := parts(t, raw)
	golden(t, "export.xlsx.txt", all)
	book := sheets(t, raw)
	if len(book) != len(export.Sections)+2 {
		t.Errorf("%d sheets", len(book))
	}
	got := book["traits"].Rows[1].Cells
	if got[1].Ref != "B2" || got[1].Text != "=cmd|' /C calc'!A1" {
		t.Errorf("read back: %+v", got[1])
	}
	for name, s := range book {
		for _, r := range s.Rows {
			for _, c := range r.Cells {
				if c.Type != "inlineStr" || c.Number != nil {
					t.Errorf("%s %s is no text", name, c.Ref)
				}
			}
		}
	}
}

func TestXLSXLongText(t *testing.T) {
	long := strings.Repeat("ž😀", 30_000)
	book := sheets(t, write(t, export.XLSX, items{row(export.Traits, map[string]any{"name": "n", "value": long, "source": "s"})}))
	cells := book["traits"].Rows[1].Cells
	together := cells[1].Text
	for _, c := range cells[3:] { // after the source
		together += c.Text
	}
	if together != long {
		t.Errorf("%d of %d bytes are read back", len(together), len(long))
	}
}
