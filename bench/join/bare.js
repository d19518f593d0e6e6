// The least that a call between two pages needs: the yardstick of bench/join.py. `?side=a` calls, `?side=b` answers.
const side = new URLSearchParams(location.search).get("side");
const socket = new WebSocket(`ws://${location.host}/ws`);
const send = (message) => socket.send(JSON.stringify(message));
const stream = await navigator.mediaDevices.getUserMedia({
  audio: true,
  // as the product asks for it
  video: { width: { ideal: 960 }, height: { ideal: 540 }, frameRate: { ideal: 30, max: 30 } },
});
document.querySelector("#self-video").srcObject = stream;

const connection = new RTCPeerConnection();
for (const track of stream.getTracks()) connection.addTrack(track, stream);
connection.onicecandidate = ({ candidate }) => candidate && send({ candidate });
connection.ontrack = ({ streams }) => (document.querySelector("#remote-video").srcObject = streams[0]);

let work = Promise.resolve(); // one message after another
socket.onmessage = ({ data }) => (work = work.then(() => receive(JSON.parse(data))));

async function receive({ description, candidate }) {
  if (candidate) return connection.addIceCandidate(candidate);
  await connection.setRemoteDescription(description);
  if (description.type === "offer") {
    await connection.setLocalDescription();
    send({ description: connection.localDescription });
  }
}

document.querySelector("#admit").onclick = async () => {
  await connection.setLocalDescription();
  send({ description: connection.localDescription });
};
if (socket.readyState !== WebSocket.OPEN) await new Promise((open) => (socket.onopen = open));
document.querySelector("#admit").disabled = side !== "a";
document.body.dataset.ready = "yes";
