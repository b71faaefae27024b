// Needs Java 17 or newer, and no library: java Main.java
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;

public class Main {
    static PrivateKey privateKey(String file) throws Exception {
        String pem = Files.readString(Path.of(file)).replaceAll("-----[A-Z ]+-----|\\s", "");
        return KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem)));
    }

    /** A JSON string. */
    static String json(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < 0x20) {
                out.append(String.format("\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        return out.append('"').toString();
    }

    public static void main(String[] arguments) throws Exception {
        String url = {{url}};
        String apiId = {{identifier}};
        String user = {{acting_as}};
        String content = "";

        String text = "{\"url\":" + json(url) + ",\"content\":" + json(content)
            + ",\"api_id\":" + json(apiId) + ",\"user\":" + json(user) + "}";
        Signature signature = Signature.getInstance("SHA256withRSA");
        signature.initSign(privateKey({{key_file}}));
        signature.update(text.getBytes("UTF-8"));

        HttpRequest request = HttpRequest.newBuilder(URI.create(url))
            .header({{setting.id_header}}, apiId)
            .header({{setting.user_header}}, user)
            .header({{setting.signature_header}}, Base64.getEncoder().encodeToString(signature.sign()))
            .build();
        var answer = HttpClient.newHttpClient().send(request, BodyHandlers.ofString());
        System.out.println(answer.body());
        System.exit(answer.statusCode() < 300 ? 0 : 1);
    }
}
