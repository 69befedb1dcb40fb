import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.HexFormat;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public class Sign {
    /** Signs a percent-encoded path; expires is in Unix seconds, and with null the link never expires. */
    static String sign(String path, String key, Long expires) throws GeneralSecurityException {
        String text = expires == null ? path : path + "?exp=" + expires;
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
        String sig = HexFormat.of().formatHex(mac.doFinal(text.getBytes(StandardCharsets.UTF_8)));
        return text + (expires == null ? "?" : "&") + "sig=" + sig;
    }

    public static void main(String[] arguments) throws GeneralSecurityException {
        Long expires = arguments.length > 1 ? Long.valueOf(arguments[1]) : null;
        System.out.println(sign(arguments[0], System.getenv("SIGNING_KEY"), expires));
    }
}
