package minimise

import "bytes"

// isIdentifierKey says whether a key names an identifier: id, *_id, *-id, *Id,
// their plurals, and the names that devices and sessions go by.
func isIdentifierKey(key []byte) bool {
	var folded [40]byte
	n := fold(folded[:], key)
	word := folded[:n]
	switch string(word) {
	case "id", "ids", "uid", "guid", "uuid", "uuids", "idfa", "idfv", "gaid", "aaid", "oaid", "imei", "imsi", "udid",
		"fingerprint", "devicetoken", "pushtoken", "sessionkey", "session", "cookie", "cookies", "clickid":
		return true
	}
	if isClickID(key) {
		return true
	}
	for _, suffix := range [...]string{"Id", "ID", "Ids", "IDs", "_id", "_ids", "-id", "-ids", ".id", " id", "_ID", "_Id", "_uuid", "_guid", "Uuid", "Guid", "UUID"} {
		if len(key) > len(suffix) && string(key[len(key)-len(suffix):]) == suffix {
			before := key[len(key)-len(suffix)-1]
			return suffix[0] != 'I' || before < 'A' || before > 'Z' || suffix[1] == 'd'
		}
	}
	return false
}

// isPersonalKey says whether a key names what is a person's and nothing else:
// these never go further, whatever a site lists.
func isPersonalKey(key []byte) bool {
	var folded [40]byte
	n := fold(folded[:], key)
	switch string(folded[:n]) {
	case "email", "emailaddress", "mail", "firstname", "lastname", "fullname", "surname", "givenname", "familyname",
		"middlename", "maidenname", "username", "login", "dateofbirth", "dob",
		"address", "street", "streetaddress", "addressline1", "addressline2", "ip", "ipaddress", "useragent",
		"password", "passwd", "pwd", "secret", "token", "accesstoken", "refreshtoken", "authorization", "apikey",
		"pesel", "rodnecislo", "nationalid", "ssn", "passport", "iban", "cardnumber", "cvv", "cvc",
		"traits", "userid", "anonymousid", "previousid", "groupid", "deviceid", "advertisingid", "proof",
		"customer", "customerid", "customernumber", "customerno", "customerkey", "customercode", "customerref", "customername",
		"client", "clientid", "clientnumber":
		return true
	}
	return isPersonalWord(folded[:n])
}

// isPersonalWord says whether a folded key is one of a family of names: what
// begins with birth or nick, and what is a digest of a mail address or a telephone.
func isPersonalWord(word []byte) bool {
	if bytes.HasPrefix(word, []byte("birth")) || (bytes.HasPrefix(word, []byte("nick")) && !bytes.HasPrefix(word, []byte("nickel"))) {
		return true
	}
	for _, of := range [...]string{"mail", "phone", "msisdn"} {
		if !bytes.Contains(word, []byte(of)) {
			continue
		}
		for _, digest := range [...]string{"hash", "sha1", "sha256", "sha512", "md5"} {
			if bytes.Contains(word, []byte(digest)) {
				return true
			}
		}
	}
	return false
}

// isPageKey says whether a property of a page view repeats the page's address.
func isPageKey(key []byte) bool {
	switch string(key) {
	case "url", "path", "search", "referrer", "title", "hash", "name":
		return true
	}
	return false
}

// phoneKey says whether a key names a telephone.
func phoneKey(key []byte) bool {
	var folded [40]byte
	n := fold(folded[:], key)
	switch string(folded[:n]) {
	case "phone", "phonenumber", "telephone", "telefon", "tel", "mobile", "mobilephone", "mobilenumber", "msisdn", "gsm", "fax", "whatsapp":
		return true
	}
	return false
}

// fold writes a key in lower case without its marks and returns its length; a
// key that does not fit is none of those that are looked for.
func fold(dst, key []byte) int {
	n := 0
	for _, c := range key {
		if c == '_' || c == '-' || c == ' ' || c == '.' || c == '$' {
			continue
		}
		if n == len(dst) {
			return 0
		}
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst[n] = c
		n++
	}
	return n
}
