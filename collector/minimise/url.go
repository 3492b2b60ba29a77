package minimise

import "bytes"

// URL is an address taken apart. The parts point into it.
type URL struct {
	Host, Path, Query []byte
}

// Split takes an address apart: absolute, without a scheme (//host/path), or a
// path alone. User, password, port and fragment go.
func Split(address []byte) (u URL) {
	rest := address
	if i := bytes.IndexByte(rest, '#'); i >= 0 {
		rest = rest[:i]
	}
	if i := bytes.IndexByte(rest, '?'); i >= 0 {
		rest, u.Query = rest[:i], rest[i+1:]
	}
	authority := false
	if i := bytes.Index(rest, []byte("://")); i >= 0 && isScheme(rest[:i]) {
		rest, authority = rest[i+3:], true
	} else if bytes.HasPrefix(rest, []byte("//")) {
		rest, authority = rest[2:], true
	}
	if !authority {
		u.Path = rest
		return u
	}
	u.Host, u.Path = rest, nil
	if i := bytes.IndexByte(rest, '/'); i >= 0 {
		u.Host, u.Path = rest[:i], rest[i:]
	}
	if i := bytes.LastIndexByte(u.Host, '@'); i >= 0 {
		u.Host = u.Host[i+1:]
	}
	if i := bytes.LastIndexByte(u.Host, ':'); i >= 0 && bytes.IndexByte(u.Host[i:], ']') < 0 {
		u.Host = u.Host[:i]
	}
	return u
}

func isScheme(s []byte) bool {
	for i, c := range s {
		if class[c]&classLetter == 0 && (i == 0 || (!isDigit(c) && c != '+' && c != '-' && c != '.')) {
			return false
		}
	}
	return len(s) > 0 && len(s) <= 16
}

// Host returns the name of a host in lower case. What is no host name is left
// out; an address is masked.
func (b *Buffer) Host(host []byte) string {
	if len(host) > 253 {
		return ""
	}
	if len(host) > 1 && host[0] == '[' {
		return "[ip]"
	}
	start := len(b.b)
	out := b.b
	for _, c := range host {
		if !isAlnum(c) && c != '-' && c != '.' && c != '_' && c < 0x80 {
			return ""
		}
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		out = append(out, c)
	}
	b.b = out
	b.remask(start)
	return b.since(start)
}

// Query returns the parameters of a query whose names are in keep, masked and
// encoded anew. Identifiers of clicks go whether or not they are in keep.
func (b *Buffer) Query(query []byte, keep map[string]struct{}, limit int) string {
	start := len(b.b)
	query = bytes.TrimPrefix(query, []byte("?"))
	for len(query) > 0 {
		pair := query
		if i := bytes.IndexByte(query, '&'); i >= 0 {
			pair, query = query[:i], query[i+1:]
		} else {
			query = nil
		}
		name, value, _ := bytes.Cut(pair, []byte("="))
		if _, ok := keep[string(name)]; !ok || isClickID(name) {
			continue
		}
		mark := len(b.b)
		if mark > start {
			b.b = append(b.b, '&')
		}
		b.b = append(append(b.b, name...), '=')
		b.queryValue(value)
		if len(b.b)-start > limit {
			b.truncate(mark)
			break
		}
	}
	return b.since(start)
}

// queryValue appends a value: decoded, masked, and encoded anew.
func (b *Buffer) queryValue(value []byte) {
	at := len(b.b)
	if unreserved(value) && look(value).harmless(value) {
		b.b = append(b.b, value...)
		return
	}
	b.appendDecoded(value)
	b.remask(at)
	b.scratch = append(b.scratch[:0], b.b[at:]...)
	b.b = appendQueryEscaped(b.b[:at], b.scratch)
}

// appendDecoded appends what an encoded value stands for.
func (b *Buffer) appendDecoded(value []byte) {
	at := len(b.b)
	b.b = append(b.b, value...)
	plain := b.b[at:]
	for i, c := range plain {
		if c == '+' {
			plain[i] = ' '
		}
	}
	b.truncate(at + len(unescape(plain)))
}

// unreserved says whether encoding s anew changes nothing.
func unreserved(s []byte) bool {
	for _, c := range s {
		if !isAlnum(c) && c != '-' && c != '_' && c != '.' && c != '~' {
			return false
		}
	}
	return true
}

const hexDigits = "0123456789ABCDEF"

// appendQueryEscaped encodes all but what RFC 3986 leaves unreserved and the
// brackets of a mask.
func appendQueryEscaped(dst, s []byte) []byte {
	for _, c := range s {
		switch {
		case isAlnum(c), c == '-', c == '_', c == '.', c == '~', c == '[', c == ']':
			dst = append(dst, c)
		case c == ' ':
			dst = append(dst, '+')
		default:
			dst = append(dst, '%', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return dst
}

// Parameter finds the first value of a parameter, still encoded, or nil.
func Parameter(query []byte, name string) []byte {
	query = bytes.TrimPrefix(query, []byte("?"))
	for len(query) > 0 {
		pair := query
		if i := bytes.IndexByte(query, '&'); i >= 0 {
			pair, query = query[:i], query[i+1:]
		} else {
			query = nil
		}
		if key, value, _ := bytes.Cut(pair, []byte("=")); string(key) == name {
			return value
		}
	}
	return nil
}

// ParameterText returns the masked text of an encoded parameter.
func (b *Buffer) ParameterText(value []byte, limit int) string {
	start := len(b.b)
	if unreserved(value) {
		b.appendText(value)
	} else {
		b.appendDecoded(value)
		b.truncate(start + len(validUTF8(b.b[start:])))
		b.remask(start)
	}
	b.cut(start, limit)
	return b.since(start)
}

// clickIDs are what advertisers mark a click with: an identifier of a person's
// click, whatever the site lists.
var clickIDs = func() map[string]struct{} {
	set := map[string]struct{}{}
	for _, name := range [...]string{
		"gclid", "gclsrc", "gbraid", "wbraid", "dclid", "fbclid", "msclkid", "ttclid", "twclid",
		"li_fat_id", "igshid", "yclid", "ysclid", "rdt_cid", "epik", "irclickid", "mc_eid", "mc_cid",
		"_hsenc", "_hsmi", "hsCtaTracking", "vero_id", "mkt_tok", "_gl", "_ga", "sznclid", "ScCid", "sccid",
		"s_kwcid", "ef_id", "wickedid", "oly_anon_id", "oly_enc_id", "_openstat", "qclid", "srsltid",
	} {
		set[name] = struct{}{}
	}
	return set
}()

// isClickID says whether a parameter is one of clickIDs.
func isClickID(name []byte) bool {
	_, is := clickIDs[string(name)]
	return is
}
