package minimise

// addressAt returns where the IP address that begins at s[i] ends, or 0.
func addressAt(s []byte, i int) int {
	if isDigit(s[i]) {
		if end := ipv4At(s, i); end > 0 {
			return end
		}
	}
	return ipv6At(s, i)
}

// ipv4At reads four numbers up to 255. A number of more parts is a version, and
// x.0.0.0 is one too (browsers freeze theirs so) and names nobody.
func ipv4At(s []byte, i int) int {
	if i > 1 && s[i-1] == '.' && isDigit(s[i-2]) {
		return 0
	}
	rest := 0
	j := i
	for part := range 4 {
		if part > 0 {
			if j >= len(s) || s[j] != '.' {
				return 0
			}
			j++
		}
		begin, value := j, 0
		for j < len(s) && j-begin < 3 && isDigit(s[j]) {
			value = value*10 + int(s[j]-'0')
			j++
		}
		if j == begin || value > 255 {
			return 0
		}
		if part > 0 {
			rest |= value
		}
	}
	if !ends(s, j) || rest == 0 || (j+1 < len(s) && s[j] == '.' && isDigit(s[j+1])) {
		return 0
	}
	return j
}

// ipv6At reads eight groups, or fewer with one "::", the last possibly an IPv4
// address, and a zone.
func ipv6At(s []byte, i int) int {
	if s[i] == ':' && (i+1 >= len(s) || s[i+1] != ':') {
		return 0
	}
	if i > 0 && (s[i-1] == ':' || isAlnum(s[i-1])) {
		return 0
	}
	first := i
	for first < len(s) && first-i < 4 && class[s[first]]&classHex != 0 {
		first++
	}
	if first == len(s) || s[first] != ':' {
		return 0 // one group alone is none, which is so for most words
	}
	groups, gap, j := 0, false, i
	for j < len(s) {
		if s[j] == ':' && j+1 < len(s) && s[j+1] == ':' {
			if gap {
				return 0
			}
			gap = true
			j += 2
			if j >= len(s) || class[s[j]]&classHex == 0 {
				break
			}
		} else if j > i {
			if s[j] != ':' || j+1 >= len(s) || class[s[j+1]]&classHex == 0 {
				break
			}
			j++
		}
		if end := ipv4At(s, j); end > 0 {
			groups, j = groups+2, end
			break
		}
		begin := j
		for j < len(s) && class[s[j]]&classHex != 0 {
			j++
		}
		if j-begin < 1 || j-begin > 4 {
			return 0
		}
		groups++
	}
	if !ends(s, j) || (j < len(s) && s[j] == ':') || (gap && (groups < 2 || groups > 7)) || (!gap && groups != 8) {
		return 0
	}
	return zoneEnd(s, j)
}

// zoneEnd passes over the zone of a link-local address.
func zoneEnd(s []byte, j int) int {
	if j+1 >= len(s) || s[j] != '%' || !isAlnum(s[j+1]) {
		return j
	}
	for j++; j < len(s) && isAlnum(s[j]); j++ {
	}
	return j
}
