// Package export writes what is held of one person as JSON, as a zip of CSV files and
// as an XLSX workbook, for the person (GDPR Art. 15) and for another controller
// (Art. 20).
//
// Guarantee: what it writes goes to the given writer and nowhere else, as it comes:
// nothing is gathered in memory or in a file, however much there is. A document
// without its last part is not whole.
//
// The three forms are described in docs/format/export.md.
package export
