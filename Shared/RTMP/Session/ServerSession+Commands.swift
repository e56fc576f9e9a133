extension ServerSession {
    /// What the server says of itself where an old client asks.
    private static let serverVersion = "FMS/3,5,7,7009"
    /// The codecs that are taken by their four characters.
    private static let videoFourCCs = ["avc1", "hvc1", "av01", "vp09", "vp08"]
    private static let audioFourCCs = ["mp4a", "Opus", "fLaC", "ac-3", "ec-3", ".mp3"]
    /// Decodes and forwards, as Enhanced RTMP writes it.
    private static let fourCCFlags: Double = 1 + 4
    private static let capabilities: ConnectParameters.Capabilities = [
        .reconnect, .multitrack, .modEx, .timestampNanoOffset,
    ]

    /// Does what a client's command asks for; one that is unknown is no reason to end the session.
    mutating func obey(_ command: Command, streamID: UInt32, at now: UInt64, _ actions: inout [Action]) {
        if command.name == "connect" { return obeyConnect(command) }
        guard state != .connecting else {
            ignoredMessageCount &+= 1
            return
        }
        switch command.name {
        case "createStream": obeyCreateStream(command)
        case "publish": obeyPublish(command, streamID: streamID, &actions)
        case "FCUnpublish": obeyFCUnpublish(command, at: now, &actions)
        case "deleteStream":
            let named = command.argument(1)?.number.flatMap(UInt32.init(exactly:))
            endStream(.deleteStream, named, at: now, &actions)
        case "closeStream": endStream(.closeStream, streamID, at: now, &actions)
        case "FCPublish":
            announcesPublish = true
            sendResult(of: command, [.null, .undefined])
        case "releaseStream", "_checkbw": sendResult(of: command, [.null, .undefined])
        case "getStreamLength": sendResult(of: command, [.null, .number(0)])
        case "play", "play2": refusePlay(streamID: streamID, &actions)
        default: ignoredMessageCount &+= 1
        }
    }

    private mutating func obeyConnect(_ command: Command) {
        guard state == .connecting else {
            ignoredMessageCount &+= 1
            return
        }
        state = .idle
        connect = ConnectParameters(command.argument(0))
        send(.windowAcknowledgementSize(configuration.windowByteCount))
        send(.setPeerBandwidth(configuration.windowByteCount, limitType: 2))
        raiseChunkSize()
        let properties: [AMF0Property] = [
            AMF0Property("fmsVer", .string(Self.serverVersion)),
            AMF0Property("capabilities", .number(31)),
            AMF0Property("mode", .number(1)),
        ]
        var info = Self.info("NetConnection.Connect.Success", "Connected.", level: "status")
        info.append(AMF0Property("objectEncoding", .number(0)))
        if connect.isEnhanced { info += Self.enhancedProperties }
        // Clients number their first call 1; the result must name it even where they did not.
        let answer = Command(
            "_result",
            transactionID: command.transactionID == 0 ? 1 : command.transactionID,
            arguments: [.object(properties), .object(info)]
        )
        send(.command(answer, streamID: 0))
    }

    private static var enhancedProperties: [AMF0Property] {
        [
            AMF0Property("fourCcList", .strictArray((videoFourCCs + audioFourCCs).map { .string($0) })),
            AMF0Property("videoFourCcInfoMap", infoMap(of: videoFourCCs)),
            AMF0Property("audioFourCcInfoMap", infoMap(of: audioFourCCs)),
            AMF0Property("capsEx", .number(Double(capabilities.rawValue))),
        ]
    }

    private static func infoMap(of fourCCs: [String]) -> AMF0Value {
        .object(fourCCs.map { AMF0Property($0, .number(fourCCFlags)) })
    }

    private mutating func obeyCreateStream(_ command: Command) {
        streamCount &+= 1
        sendResult(of: command, [.null, .number(Double(streamCount))])
    }

    private mutating func obeyPublish(_ command: Command, streamID: UInt32, _ actions: inout [Action]) {
        guard state == .idle else {
            let description = "This connection is publishing already."
            return sendStatus("NetStream.Publish.BadName", description, level: "error", streamID: streamID)
        }
        requestCount &+= 1
        streamName = command.argument(1)?.string ?? ""
        let request = PublishRequest(
            id: RequestID(rawValue: requestCount),
            connect: connect,
            streamName: streamName,
            publishType: command.argument(2)?.string ?? "live"
        )
        becomeDeciding(request.id, streamID: streamID)
        // The shell may answer at once; what is owed from before must be sent before that.
        flush(into: &actions)
        actions.append(.publishRequested(request))
    }

    private mutating func obeyFCUnpublish(_ command: Command, at now: UInt64, _ actions: inout [Action]) {
        notify("onFCUnpublish", "NetStream.Unpublish.Success")
        sendResult(of: command, [.null, .undefined])
        // It names a stream key, which some cut short.
        let names = [command.argument(1)?.string ?? "", streamName].map(Self.bareName)
        guard names.contains("") || names[0] == names[1] else { return }
        endStream(.fcUnpublish, nil, at: now, &actions)
    }

    private static func bareName(_ streamName: String) -> Substring {
        let path = streamName.prefix { $0 != "?" }
        return path.split(separator: "/").last ?? ""
    }

    /// Ends the client's stream, unless the client means another one of those that it has created.
    private mutating func endStream(
        _ reason: UnpublishReason,
        _ named: UInt32?,
        at now: UInt64,
        _ actions: inout [Action]
    ) {
        guard let streamID = openStreamID else { return }
        let created = 0..<streamCount
        if let named, named != streamID, created.contains(named &- 1), created.contains(streamID &- 1) {
            return
        }
        sendStatus("NetStream.Unpublish.Success", "The stream has ended.", streamID: streamID)
        becomeIdle(at: now)
        actions.append(.unpublish(reason))
    }

    private mutating func refusePlay(streamID: UInt32, _ actions: inout [Action]) {
        let description = "This server takes streams in; watch them in a browser."
        sendStatus("NetStream.Play.Failed", description, level: "error", streamID: streamID)
        close(.playRefused, &actions)
    }

    // MARK: Answers

    private mutating func sendResult(of command: Command, _ values: [AMF0Value]) {
        guard command.transactionID != 0 else { return }
        let answer = Command("_result", transactionID: command.transactionID, arguments: values)
        send(.command(answer, streamID: 0))
    }

    /// Calls the client, as the applications of Adobe's server do.
    mutating func notify(_ name: String, _ code: String) {
        let info = Self.info(code, "", level: "status")
        send(.command(Command(name, arguments: [.null, .object(info)]), streamID: 0))
    }

    mutating func sendStatus(
        _ code: String,
        _ description: String,
        level: String = "status",
        streamID: UInt32
    ) {
        let info = Self.info(code, description, level: level)
        let status = Command("onStatus", arguments: [.null, .object(info)])
        send(.command(status, streamID: streamID))
    }

    static func info(_ code: String, _ description: String, level: String) -> [AMF0Property] {
        [
            AMF0Property("level", .string(level)),
            AMF0Property("code", .string(code)),
            AMF0Property("description", .string(description)),
        ]
    }
}
