import Primitives
import Testing

@Suite("Unused storage")
struct UnusedStorageTests {
  @Test("A dictionary that has lost almost everything gives its storage back and keeps the rest")
  func sparse() {
    var numbers = Dictionary(uniqueKeysWithValues: (0..<100_000).map { ($0, -$0) })
    for key in 10..<100_000 { numbers[key] = nil }
    #expect(numbers.capacity >= 100_000)
    numbers.releaseUnusedStorage()
    #expect(numbers.capacity < 100)
    #expect(numbers == Dictionary(uniqueKeysWithValues: (0..<10).map { ($0, -$0) }))
    for key in numbers.keys { numbers[key] = nil }
    #expect(numbers.isEmpty)
  }

  @Test("One that is an eighth full, or small, is left alone", arguments: [(100_000, 50_000), (3000, 0)])
  func used(size: Int, rest: Int) {
    var numbers = Dictionary(uniqueKeysWithValues: (0..<size).map { ($0, $0) })
    for key in rest..<size { numbers[key] = nil }
    let capacity = numbers.capacity
    numbers.releaseUnusedStorage()
    #expect(numbers.capacity == capacity)
  }
}
