import java.io.File;
import java.util.LinkedHashMap;
import java.util.Map;
import org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider;
import org.verapdf.pdfa.Foundries;
import org.verapdf.pdfa.PDFAParser;
import org.verapdf.pdfa.PDFAValidator;
import org.verapdf.pdfa.flavours.PDFAFlavour;
import org.verapdf.pdfa.results.TestAssertion;
import org.verapdf.pdfa.results.ValidationResult;

/**
 * Usage: Vera FLAVOUR[,FLAVOUR] FILE... One start of the engine checks every file against every flavour.
 *
 * <p>Prints tab-separated lines in UTF-8, read by controle.py:
 *
 * <pre>
 * RESULT  flavour  file  PASS|FAIL|ERROR  number of checks, or the error
 * RULE    flavour  file  clause  test  occurrences  message  place of the first one
 * </pre>
 *
 * Exit code: 0 all compliant, 1 something is not, 2 something could not be checked.
 */
public class Vera {
  private record Failure(TestAssertion first, int[] count) {}

  public static void main(String[] args) {
    // Fixed rather than the locale's: a CI without locale would print "?" for accents.
    var out = new java.io.PrintStream(System.out, true, java.nio.charset.StandardCharsets.UTF_8);
    if (args.length < 2) {
      System.err.println("Vera FLAVOUR[,FLAVOUR] FILE...");
      System.exit(2);
    }
    VeraGreenfieldFoundryProvider.initialise();
    int code = 0;
    for (int i = 1; i < args.length; i++) {
      for (String name : args[0].split(",")) {
        try {
          code = Math.max(code, check(out, name, args[i]) ? 0 : 1);
        } catch (Exception e) {
          // Told apart from FAIL: an unreadable file must never count as a verdict.
          line(out, "RESULT", name, args[i], "ERROR", e.toString());
          code = 2;
        }
      }
    }
    System.exit(code);
  }

  private static boolean check(java.io.PrintStream out, String name, String file) throws Exception {
    PDFAFlavour flavour = PDFAFlavour.fromString(name);
    if (flavour == PDFAFlavour.NO_FLAVOUR) {
      throw new IllegalArgumentException("unknown flavour " + name);
    }
    try (PDFAParser parser = Foundries.defaultInstance().createParser(new File(file), flavour);
        PDFAValidator validator = Foundries.defaultInstance().createValidator(flavour, false)) {
      ValidationResult result = validator.validate(parser);
      // No check at all would pass silently.
      boolean passed = result.isCompliant() && result.getTotalAssertions() > 0;
      line(out, "RESULT", name, file, passed ? "PASS" : "FAIL", "" + result.getTotalAssertions());
      Map<String, Failure> failures = new LinkedHashMap<>();
      for (TestAssertion assertion : result.getTestAssertions()) {
        if (assertion.getStatus() == TestAssertion.Status.FAILED) {
          String rule = assertion.getRuleId().getClause() + "\t" + assertion.getRuleId().getTestNumber();
          failures.computeIfAbsent(rule, r -> new Failure(assertion, new int[1])).count[0]++;
        }
      }
      failures.forEach(
          (rule, f) ->
              line(
                  out,
                  "RULE",
                  name,
                  file,
                  f.first.getRuleId().getClause(),
                  "" + f.first.getRuleId().getTestNumber(),
                  "" + f.count[0],
                  f.first.getMessage(),
                  f.first.getLocation().getContext()));
      return passed;
    }
  }

  private static void line(java.io.PrintStream out, String... fields) {
    for (int i = 0; i < fields.length; i++) {
      fields[i] = fields[i] == null ? "" : fields[i].replaceAll("[\\t\\r\\n]+", " ");
    }
    out.println(String.join("\t", fields));
  }
}
