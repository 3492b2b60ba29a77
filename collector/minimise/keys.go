package minimise

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// keyKind says what a key of a property names.
type keyKind uint8

const (
	keyIdentifier keyKind = 1 << iota // an identifier: kept only where a site lists it
	keyPersonal                       // what is a person's and nothing else: never kept, whatever a site lists
	keyPhone                          // a telephone
)

// keyWords are the words that say what a key names, in lower case without marks.
var keyWords = func() map[string]keyKind {
	words := map[string]keyKind{}
	for kind, list := range map[keyKind][]string{
		keyIdentifier: {
			"id", "ids", "uid", "guid", "uuid", "uuids", "idfa", "idfv", "gaid", "aaid", "oaid", "imei", "imsi", "udid",
			"fingerprint", "devicetoken", "pushtoken", "sessionkey", "session", "cookie", "cookies", "clickid",
		},
		keyPersonal: {
			"email", "emailaddress", "mail", "firstname", "lastname", "fullname", "surname", "givenname", "familyname",
			"middlename", "maidenname", "username", "login", "dateofbirth", "dob",
			"address", "street", "streetaddress", "addressline1", "addressline2", "ip", "ipaddress", "useragent",
			"password", "passwd", "pwd", "secret", "token", "accesstoken", "refreshtoken", "authorization", "apikey",
			"pesel", "rodnecislo", "nationalid", "ssn", "passport", "iban", "cardnumber", "cvv", "cvc",
			"traits", "userid", "anonymousid", "previousid", "groupid", "deviceid", "advertisingid", "proof",
			"customer", "customerid", "customernumber", "customerno", "customerkey", "customercode", "customerref", "customername",
			"client", "clientid", "clientnumber",
		},
		keyPhone: {
			"phone", "phonenumber", "telephone", "telefon", "tel", "mobile", "mobilephone", "mobilenumber", "msisdn", "gsm", "fax", "whatsapp",
		},
	} {
		for _, word := range list {
			words[word] |= kind
		}
	}
	return words
}()

// keySieve has the bit of every word of keyWords and of every click's parameter:
// a key without its bit is none of them, which is so for most.
var keySieve = func() (sieve [64]uint64) {
	add := func(word string) {
		var k foldedKey
		k.fold([]byte(word))
		at := k.bit()
		sieve[at/64] |= 1 << (at % 64)
	}
	for word := range keyWords {
		add(word)
	}
	for word := range clickIDs {
		add(word)
	}
	return sieve
}()

// foldedKey is a key in lower case without its marks.
type foldedKey struct {
	text  [40]byte
	n     int
	bytes uint32 // the lowest five bits of each byte, as a bit
}

// fold reads a key; one that does not fit is none of those that are looked for.
func (k *foldedKey) fold(key []byte) {
	for _, c := range key {
		c = folded[c]
		if c == 0 {
			continue
		}
		if k.n == len(k.text) {
			*k = foldedKey{}
			return
		}
		k.text[k.n] = c
		k.n++
		k.bytes |= 1 << (c & 31)
	}
}

// bit returns the place of the key in the sieve.
func (k *foldedKey) bit() uint64 {
	h := binary.LittleEndian.Uint64(k.text[:]) ^ bits.RotateLeft64(binary.LittleEndian.Uint64(k.text[8:]), 31) ^ uint64(k.n)<<17
	return h * 0x9E3779B97F4A7C15 >> 52
}

// kindOfKey says what a key names.
func kindOfKey(key []byte) (kind keyKind) {
	var k foldedKey
	k.fold(key)
	word := k.text[:k.n]
	if at := k.bit(); keySieve[at/64]>>(at%64)&1 != 0 {
		kind = keyWords[string(word)]
		if isClickID(key) {
			kind |= keyIdentifier
		}
	}
	if kind&keyIdentifier == 0 && endsLikeID(key) {
		kind |= keyIdentifier
	}
	if kind&keyPersonal == 0 && k.isPersonal(word) {
		kind |= keyPersonal
	}
	return kind
}

// endsLikeID says whether a key ends as those of identifiers do: *_id, *-id, *Id
// and their plurals.
func endsLikeID(key []byte) bool {
	end := len(key)
	if end > 0 && key[end-1] == 's' || end > 0 && key[end-1] == 'S' {
		end--
	}
	if end < 2 || key[end-1]|0x20 != 'd' || key[end-2]|0x20 != 'i' {
		return false
	}
	for _, suffix := range [...]string{"Id", "ID", "Ids", "IDs", "_id", "_ids", "-id", "-ids", ".id", " id", "_ID", "_Id", "_uuid", "_guid", "Uuid", "Guid", "UUID"} {
		if len(key) > len(suffix) && string(key[len(key)-len(suffix):]) == suffix {
			before := key[len(key)-len(suffix)-1]
			return suffix[0] != 'I' || before < 'A' || before > 'Z' || suffix[1] == 'd'
		}
	}
	return false
}

// has says whether all the letters may be in the key.
func (k *foldedKey) has(letters uint32) bool { return k.bytes&letters == letters }

func lettersOf(s string) (set uint32) {
	for i := range len(s) {
		set |= 1 << (s[i] & 31)
	}
	return set
}

var (
	lettersOfMail, lettersOfPhone, lettersOfMSISDN = lettersOf("mail"), lettersOf("phone"), lettersOf("msisdn")
	lettersOfSHA, lettersOfMD5                     = lettersOf("sha"), lettersOf("md5") // those of hash are sha's
)

// isPersonal says whether a key is one of a family of names: what begins with
// birth or nick, and what is a digest of a mail address or a telephone.
func (k *foldedKey) isPersonal(word []byte) bool {
	if bytes.HasPrefix(word, []byte("birth")) || (bytes.HasPrefix(word, []byte("nick")) && !bytes.HasPrefix(word, []byte("nickel"))) {
		return true
	}
	if !k.has(lettersOfSHA) && !k.has(lettersOfMD5) {
		return false
	}
	return (k.has(lettersOfMail) || k.has(lettersOfPhone) || k.has(lettersOfMSISDN)) && isDigest(word)
}

func isDigest(word []byte) bool {
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

// folded maps a byte to what it is in a folded key: 0 for a mark, which goes.
var folded = func() (t [256]byte) {
	for c := range 256 {
		t[c] = byte(c)
		if c >= 'A' && c <= 'Z' {
			t[c] += 'a' - 'A'
		}
	}
	for _, c := range "_- .$" {
		t[c] = 0
	}
	return t
}()

// fold writes a key in lower case without its marks and returns its length; a
// key that does not fit is none of those that are looked for.
func fold(dst, key []byte) int {
	n := 0
	for _, c := range key {
		if c = folded[c]; c == 0 {
			continue
		}
		if n == len(dst) {
			return 0
		}
		dst[n] = c
		n++
	}
	return n
}
