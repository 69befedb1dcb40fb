package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
)

// sign signs a percent-encoded path; expires is in Unix seconds, and with 0 the link never expires.
func sign(path, key string, expires int64) string {
	text, separator := path, "?"
	if expires != 0 {
		text, separator = path+"?exp="+strconv.FormatInt(expires, 10), "&"
	}
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(text))
	return text + separator + "sig=" + hex.EncodeToString(mac.Sum(nil))
}

func main() {
	var expires int64
	if len(os.Args) > 2 {
		var err error
		if expires, err = strconv.ParseInt(os.Args[2], 10, 64); err != nil {
			panic(err)
		}
	}
	fmt.Println(sign(os.Args[1], os.Getenv("SIGNING_KEY"), expires))
}
