// The shared library from Java: two tablets rate one risk differently, and a third person decides. A
// third tablet is kept up to date by a loop and tells of it through an observer: Java attaches the
// threads of the library that call back.
//
//   java --add-modules jdk.incubator.foreign --enable-native-access=ALL-UNNAMED \
//     Round.java LIBDOORSTEP.SO HOST:PORT DIRECTORY
import static jdk.incubator.foreign.CLinker.C_INT;
import static jdk.incubator.foreign.CLinker.C_POINTER;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import jdk.incubator.foreign.Addressable;
import jdk.incubator.foreign.CLinker;
import jdk.incubator.foreign.FunctionDescriptor;
import jdk.incubator.foreign.MemoryAccess;
import jdk.incubator.foreign.MemoryAddress;
import jdk.incubator.foreign.MemoryLayout;
import jdk.incubator.foreign.MemorySegment;
import jdk.incubator.foreign.ResourceScope;
import jdk.incubator.foreign.SymbolLookup;

public final class Round {
  private static final MemoryAddress NULL = MemoryAddress.NULL;

  private final SymbolLookup symbols = SymbolLookup.loaderLookup();
  private final ResourceScope scope = ResourceScope.newConfinedScope();
  private final Map<String, MethodHandle> handles = new HashMap<>();

  // A function whose arguments are pointers or ints, as given.
  private Object invoke(Class<?> returned, String name, Object... given) throws Throwable {
    MethodHandle handle = handles.get(name);
    if (handle == null) {
      List<Class<?>> types = new ArrayList<>();
      List<MemoryLayout> layouts = new ArrayList<>();
      for (Object each : given) {
        types.add(each instanceof Integer ? int.class : MemoryAddress.class);
        layouts.add(each instanceof Integer ? C_INT : C_POINTER);
      }
      MemoryLayout[] arguments = layouts.toArray(new MemoryLayout[0]);
      FunctionDescriptor descriptor =
          returned == void.class ? FunctionDescriptor.ofVoid(arguments)
          : FunctionDescriptor.of(returned == int.class ? C_INT : C_POINTER, arguments);
      handle = CLinker.getInstance().downcallHandle(
          symbols.lookup("doorstep_" + name).orElseThrow(), MethodType.methodType(returned, types),
          descriptor);
      handles.put(name, handle);
    }
    return handle.invokeWithArguments(given);
  }

  private MemoryAddress text(String value) {
    return value == null ? NULL : CLinker.toCString(value, scope).address();
  }

  // Calls a function whose last argument is the error; throws what it says.
  private void call(String name, Object... given) throws Throwable {
    MemorySegment error = MemorySegment.allocateNative(C_POINTER, scope);
    MemoryAccess.setAddress(error, NULL);
    Object[] all = java.util.Arrays.copyOf(given, given.length + 1);
    all[given.length] = error.address();
    if ((int) invoke(int.class, name, all) == 0) return;
    MemoryAddress what = MemoryAccess.getAddress(error);
    String message = CLinker.toJavaString(
        (MemoryAddress) invoke(MemoryAddress.class, "error_message", what));
    invoke(void.class, "error_free", what);
    throw new IllegalStateException(name + ": " + message);
  }

  // The same with an output before the error.
  private MemoryAddress out(String name, Object... given) throws Throwable {
    MemorySegment out = MemorySegment.allocateNative(C_POINTER, scope);
    Object[] all = java.util.Arrays.copyOf(given, given.length + 1);
    all[given.length] = out.address();
    call(name, all);
    return MemoryAccess.getAddress(out);
  }

  private String json(String name, Object... given) throws Throwable {
    MemoryAddress text = out(name, given);
    String value = CLinker.toJavaString(text);
    invoke(void.class, "free", text);
    return value;
  }

  private MemoryAddress tablet(String directory, String name) throws Throwable {
    call("init", text(directory + "/java-" + name), text(
        "{\"site\":\"north\",\"device_name\":\"" + name + "\",\"user\":\"" + name + "\"}"));
    return out("open", text(directory + "/java-" + name), NULL);
  }

  private String rate(MemoryAddress replica, String id, int likelihood) throws Throwable {
    String values = "{\"activity\":\"Dial-a-ride to the shops\","
        + "\"residual_rating\":{\"likelihood\":" + likelihood + ",\"severity\":3}}";
    MemoryAddress edits = (MemoryAddress) invoke(MemoryAddress.class, "edits_new", NULL);
    if (id == null) {
      call("edits_add_json", edits, text("RiskAssessment"), text(values),
          text("{\"file\":\"new\"}"));
    } else {
      MemoryAddress record = out("get", replica, text(id));
      call("edits_update_json", edits, record, text(values));
      invoke(void.class, "record_free", record);
    }
    String ids = json("commit", replica, edits);
    invoke(void.class, "edits_free", edits);
    return ids;
  }

  private void sync(MemoryAddress replica, String address) throws Throwable {
    MemoryAddress link = out("link_new", text(address), NULL);
    json("sync", replica, link, NULL, NULL);
    invoke(void.class, "link_free", link);
  }

  // What threads of the library told.
  private static final BlockingQueue<String> told = new LinkedBlockingQueue<>();

  private static void tell(MemoryAddress context, MemoryAddress json) {
    told.add(CLinker.toJavaString(json));
  }

  private MemoryAddress callback() throws Throwable {
    MethodHandle tell = MethodHandles.lookup().findStatic(Round.class, "tell",
        MethodType.methodType(void.class, MemoryAddress.class, MemoryAddress.class));
    return CLinker.getInstance().upcallStub(
        tell, FunctionDescriptor.ofVoid(C_POINTER, C_POINTER), scope);
  }

  private static String find(String pattern, String json) {
    Matcher matcher = Pattern.compile(pattern).matcher(json);
    if (!matcher.find()) throw new IllegalStateException("no " + pattern + " in " + json);
    return matcher.group(1);
  }

  private void run(String address, String directory) throws Throwable {
    MemoryAddress a = tablet(directory, "A Khan");
    MemoryAddress b = tablet(directory, "J Price");
    String id = find("\"([0-9a-f-]{36})\"", rate(a, null, 2));
    find("\"record\":\"(" + id + ")\"", json("search", a, text("dial shop*"), NULL));
    sync(a, address);
    sync(b, address);
    rate(a, id, 1);
    rate(b, id, 4);
    sync(a, address);
    sync(b, address);
    sync(a, address);
    invoke(void.class, "close", tablet(directory, "M Osei"));
    String third = directory + "/java-M Osei";
    MemoryAddress observer = out("observer_start", text(third),
        text("SELECT residual_rating_likelihood, (SELECT count(*) FROM _conflict) "
            + "FROM risk_assessment WHERE id = '" + id + "'"), callback(), NULL);
    MemoryAddress loop = out("loop_start", text(third), text(address), NULL, NULL, NULL, NULL);
    while (!told.take().contains("\"rows\":[[4,1")) {}  // four until somebody decides
    String conflicts = json("conflicts", a);
    String conflict = find("\"case\":\"([^\"]+)\"", conflicts);
    // Changes of the same moment may be listed in either order: each device's clock is an estimate.
    String seen = find("\"seen\":\"([^\"]+)\"", conflicts);
    int keep = find("\"versions\":.*?\"likelihood\":(\\d)", conflicts).equals("4") ? 1 : 2;
    try {
      rate(a, id, 5);
      throw new AssertionError("an edit over an open conflict was taken");
    } catch (IllegalStateException refused) {
      find("(wanted a decision)", refused.getMessage());
    }
    MemoryAddress reviewer =
        (MemoryAddress) invoke(MemoryAddress.class, "edits_new", text("M Osei"));
    call("edits_settle", reviewer, text(conflict),
        text("{\"seen\":\"" + seen + "\",\"keep\":" + keep + ",\"reason\":\"seen together\"}"));
    json("commit", a, reviewer);
    invoke(void.class, "edits_free", reviewer);
    sync(a, address);
    sync(b, address);
    for (MemoryAddress replica : List.of(a, b)) {
      find("(\"conflicts\":0)", json("status", replica));
      MemoryAddress record = out("get", replica, text(id));
      find("(\"likelihood\":4)", json("record_json", record).replace(" ", ""));
      invoke(void.class, "record_free", record);
    }
    while (!told.take().contains("\"rows\":[[4,0")) {}
    invoke(void.class, "loop_free", loop);
    invoke(void.class, "observer_free", observer);
    String digest = json("digest", a, 0);
    if (!digest.equals(json("digest", b, 1))) throw new AssertionError("the digests differ");
    invoke(void.class, "close", a);
    invoke(void.class, "close", b);
    System.out.println("both tablets agree");
  }

  public static void main(String[] arguments) throws Throwable {
    System.load(arguments[0]);
    new Round().run(arguments[1], arguments[2]);
  }
}
