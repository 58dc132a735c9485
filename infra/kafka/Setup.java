// Users and rules of Kafka, in one start of Java where its own command line tools would take one for each. Run as source:
//   java --class-path 'jars/*' Setup.java CLIENT.properties USERS RULES
// USERS has "name password" lines, RULES is rules.txt. What is there already is left; rules that no file names are removed.

import java.nio.file.*;
import java.util.*;
import java.util.stream.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.common.acl.*;
import org.apache.kafka.common.resource.*;

public class Setup {
    public static void main(String[] args) throws Exception {
        Properties settings = new Properties();
        try (var reader = Files.newBufferedReader(Path.of(args[0]))) {
            settings.load(reader);
        }
        try (Admin admin = Admin.create(settings)) {
            users(admin, lines(args[1]));
            rules(admin, lines(args[2]));
        }
    }

    static void users(Admin admin, List<String[]> wanted) throws Exception {
        var kind = new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096);
        var changes = wanted.stream().map(user -> (UserScramCredentialAlteration) new UserScramCredentialUpsertion(user[0], kind, user[1]));
        admin.alterUserScramCredentials(changes.collect(Collectors.toList())).all().get();
    }

    static void rules(Admin admin, List<String[]> wanted) throws Exception {
        var rules = wanted.stream().map(Setup::rule).collect(Collectors.toSet());
        var there = new HashSet<>(admin.describeAcls(AclBindingFilter.ANY).values().get());
        var gone = there.stream().filter(rule -> !rules.contains(rule)).map(AclBinding::toFilter);
        admin.deleteAcls(gone.collect(Collectors.toList())).all().get();
        admin.createAcls(rules.stream().filter(rule -> !there.contains(rule)).collect(Collectors.toList())).all().get();
    }

    static AclBinding rule(String[] words) {
        boolean prefix = words[3].endsWith("*");
        String name = prefix ? words[3].substring(0, words[3].length() - 1) : words[3];
        var resource = new ResourcePattern(ResourceType.valueOf(words[2]), name, prefix ? PatternType.PREFIXED : PatternType.LITERAL);
        return new AclBinding(resource, new AccessControlEntry("User:" + words[0], "*", AclOperation.valueOf(words[1]), AclPermissionType.ALLOW));
    }

    static List<String[]> lines(String file) throws Exception {
        try (var lines = Files.lines(Path.of(file))) {
            return lines.map(String::strip).filter(line -> !line.isEmpty() && !line.startsWith("#"))
                .map(line -> line.split("\\s+")).collect(Collectors.toList());
        }
    }
}
