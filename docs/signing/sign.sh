#!/bin/sh
# Signs a percent-encoded path; $3 is in Unix seconds, and without it the link never expires.
sign() {
    text=$1${3:+?exp=$3}
    sig=$(printf %s "$text" | openssl dgst -sha256 -hmac "$2" -r | cut -d ' ' -f 1)
    if [ -n "${3-}" ]; then separator='&'; else separator='?'; fi
    printf '%s\n' "$text${separator}sig=$sig"
}

sign "$1" "$SIGNING_KEY" "${2-}"
