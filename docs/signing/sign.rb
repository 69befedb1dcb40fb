require "openssl"

# Signs a percent-encoded path; `expires` is in Unix seconds, and without it the link never expires.
def sign(path, key, expires = nil)
  text = expires ? "#{path}?exp=#{expires}" : path
  sig = OpenSSL::HMAC.hexdigest("SHA256", key, text)
  "#{text}#{expires ? '&' : '?'}sig=#{sig}"
end

puts sign(ARGV[0], ENV.fetch("SIGNING_KEY"), ARGV[1])
